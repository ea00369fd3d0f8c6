"""Takes the price data out of the two wheels without running any of their code."""

import ast
import json
import pathlib
import sys
import zipfile

LITELLM = "litellm/model_prices_and_context_window_backup.json"
GENAI = "genai_prices/data.py"


def value(node):
    """The value that an expression of constructor calls stands for."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [value(item) for item in node.elts]
    if isinstance(node, ast.Dict):
        return {value(key): value(item) for key, item in zip(node.keys, node.values)}
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        plain = [value(item) for item in node.args]
        if name == "Decimal":
            return plain[0]
        if name == "date":
            return "%04d-%02d-%02d" % tuple(plain)
        named = {keyword.arg: value(keyword.value) for keyword in node.keywords}
        return {"is": name, "plain": plain, **named}
    raise SystemExit(f"line {node.lineno}: {type(node).__name__} is not price data")


def providers(source):
    for statement in ast.parse(source).body:
        if isinstance(statement, ast.AnnAssign) and statement.target.id == "providers":
            return value(statement.value)
    raise SystemExit(f"{GENAI} holds no `providers`")


def wheel(folder, name):
    found = sorted(folder.glob(f"{name}-*.whl"))
    if len(found) != 1:
        raise SystemExit(f"{folder} holds {len(found)} wheels of {name}, expected one")
    return zipfile.ZipFile(found[0])


def main():
    folder = pathlib.Path(sys.argv[1])
    (folder / "litellm.json").write_bytes(wheel(folder, "litellm").read(LITELLM))
    blocks = providers(wheel(folder, "genai_prices").read(GENAI).decode())
    (folder / "genai.json").write_text(json.dumps(blocks))


main()
