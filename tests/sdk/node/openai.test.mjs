// The official Node SDK, used as its documentation says, against a gateway.
//
//   FERROGW_BASE_URL, FERROGW_KEY   the gateway, started with ../gateway.json
//   MOCK_URL                        the mock vendor behind it
//
// With FERROGW_BASE_URL pointing at the mock itself the suite checks itself: what only a gateway
// does is skipped, and the names of ../gateway.json are translated here instead.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';

import OpenAI from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import { z } from 'zod';

const bare = (url) => url.replace(/\/+$/, '').replace(/\/v1$/, '');
const MOCK_URL = bare(process.env.MOCK_URL);
const ROOT = bare(process.env.FERROGW_BASE_URL);
const DIRECT = ROOT === MOCK_URL;
const MODELS = JSON.parse(readFileSync(new URL('../gateway.json', import.meta.url))).targets[0].models;

const model = (name) => (DIRECT ? MODELS[name] : name);
const gatewayOnly = DIRECT ? { skip: 'only a gateway does this' } : {};
const say = (content) => [{ role: 'user', content }];
const mark = () => `marker-${randomUUID()}`;

const open = (options = {}) =>
  new OpenAI({ baseURL: `${ROOT}/v1`, apiKey: process.env.FERROGW_KEY, maxRetries: 0, timeout: 30_000, ...options });
const client = open();
const ask = (body, options) =>
  client.chat.completions.create({ model: model('gpt-4o-mini'), messages: say('hello'), ...body }, options);

async function fetchMock(path) {
  const answer = await fetch(MOCK_URL + path);
  assert.equal(answer.status, 200);
  return answer.json();
}

async function received(marker) {
  const requests = await fetchMock('/_mock/requests');
  return requests.filter(({ text }) => text?.includes(marker));
}

async function only(marker) {
  const found = await received(marker);
  assert.equal(found.length, 1, `requests that hold ${marker}`);
  return found[0];
}

async function eventually(look, what) {
  const end = Date.now() + 10_000;
  while (!(await look())) {
    assert.ok(Date.now() < end, `not within 10 s: ${what}`);
    await sleep(50);
  }
}

async function collect(stream) {
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

const WEATHER = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'Weather at a place.',
    parameters: {
      type: 'object',
      properties: { city: { type: 'string' }, days: { type: 'integer', minimum: 1 } },
      required: ['city', 'days'],
      additionalProperties: false,
    },
    strict: true,
  },
};

const Forecast = z.object({ city: z.string(), unit: z.enum(['celsius', 'fahrenheit']), days: z.array(z.number()) });

// ---- whole answers

test('a chat is answered', async () => {
  const answer = await ask({});
  assert.equal(answer.object, 'chat.completion');
  assert.ok(answer.id && answer.created > 0 && answer.model);
  const [choice] = answer.choices;
  assert.equal(choice.message.role, 'assistant');
  assert.ok(choice.message.content);
  assert.equal(choice.finish_reason, 'stop');
  assert.equal(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens);
});

test('a conversation arrives turn by turn', async () => {
  const marker = mark();
  const messages = [
    { role: 'developer', content: 'Be brief.' },
    { role: 'user', content: marker },
    { role: 'assistant', content: 'Noted.', name: 'notary' },
    { role: 'user', content: 'Umlaute: äöü, Emoji: 🦀, "quotes" and \\ and \u2028' },
  ];
  await ask({ messages, temperature: 0.2, seed: 7, stop: ['\n\n'] });
  const sent = JSON.parse((await only(marker)).text);
  assert.deepEqual(sent.messages, messages);
  assert.deepEqual([sent.model, sent.temperature, sent.seed, sent.stop], ['gpt-4o-mini', 0.2, 7, ['\n\n']]);
});

test('picture parts arrive byte for byte', async () => {
  const marker = mark();
  const bodies = [];
  const recording = open({
    fetch: (url, init) => {
      bodies.push(init.body);
      return fetch(url, init);
    },
  });
  const url = 'data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==';
  const content = [
    { type: 'text', text: marker },
    { type: 'image_url', image_url: { url, detail: 'low' } },
    { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } },
  ];
  await recording.chat.completions.create({ model: 'gpt-4o-mini', messages: [{ role: 'user', content }] });
  // The model's name is the same on both sides, so not one byte has a reason to differ.
  assert.equal((await only(marker)).text, bodies[0]);
});

test('fields nobody has heard of arrive unchanged', async () => {
  const marker = mark();
  const extra = { top_k: 40, thinking: { type: 'enabled', budget_tokens: 1000 }, x_list: [1.5, null, { a: '' }] };
  await ask({ messages: say(marker), reasoning_effort: 'low', metadata: { team: 'blue' }, ...extra });
  const sent = JSON.parse((await only(marker)).text);
  for (const [name, value] of Object.entries(extra)) assert.deepEqual(sent[name], value);
  assert.equal(sent.reasoning_effort, 'low');
});

test('the client\'s key stays here', gatewayOnly, async () => {
  const marker = mark();
  await ask({ messages: say(marker) });
  assert.ok(!JSON.stringify((await only(marker)).headers).includes(process.env.FERROGW_KEY));
});

test('an alias is another name of a model', gatewayOnly, async () => {
  const marker = mark();
  await ask({ model: 'short', messages: say(marker) });
  assert.equal(JSON.parse((await only(marker)).text).model, 'gpt-4o-mini');
});

test('a raw response shows the headers', async () => {
  const { data, response, request_id: id } = await ask({ model: model('limited') }).withResponse();
  assert.equal(response.headers.get('x-ratelimit-limit-requests'), '100');
  assert.equal(response.headers.get('x-ratelimit-remaining-requests'), '99');
  assert.equal(response.headers.get('x-ratelimit-reset-requests'), '2s');
  assert.ok(data.choices[0].message.content);
  if (DIRECT) return;
  assert.match(id, /^[0-9a-f]{32}$/);
  assert.equal(response.headers.get('x-gateway-provider'), 'openai');
  assert.ok(response.headers.get('x-gateway-model'));
  assert.ok(Number(response.headers.get('x-gateway-overhead-ms')) > 0);
});

test('many calls at once', async () => {
  const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => ask({ messages: say(`number ${n}`) })));
  assert.ok(answers.every((answer) => answer.id));
});

// ---- tools

test('a forced tool is called', async () => {
  const answer = await ask({ tools: [WEATHER], tool_choice: { type: 'function', function: { name: 'get_weather' } } });
  const [call, ...rest] = answer.choices[0].message.tool_calls;
  assert.equal(rest.length, 0);
  assert.equal(call.function.name, 'get_weather');
  assert.deepEqual(Object.keys(JSON.parse(call.function.arguments)).sort(), ['city', 'days']);
});

test('tools are called in parallel, and their answers go back', async () => {
  const marker = mark();
  const first = await ask({ model: model('two-calls'), messages: say('the weather?'), tools: [WEATHER] });
  const { message } = first.choices[0];
  assert.equal(message.tool_calls.length, 2);

  const answers = message.tool_calls.map(({ id }) => ({ role: 'tool', tool_call_id: id, content: marker }));
  const second = await ask({ messages: [...say('the weather?'), message, ...answers], tools: [WEATHER] });
  assert.ok(second.choices[0].message.content);
  const sent = JSON.parse((await only(marker)).text).messages;
  assert.deepEqual(sent[1].tool_calls.map(({ id }) => id), sent.slice(2).map((turn) => turn.tool_call_id));
});

test('tool calls are put together from a stream', async () => {
  const stream = client.chat.completions.stream({
    model: model('two-calls'),
    messages: say('the weather?'),
    tools: [WEATHER],
  });
  const { message, finish_reason: why } = (await stream.finalChatCompletion()).choices[0];
  assert.equal(why, 'tool_calls');
  assert.equal(message.tool_calls.length, 2);
  for (const { function: { name, arguments: text } } of message.tool_calls) {
    assert.equal(name, 'get_weather');
    assert.deepEqual(Object.keys(JSON.parse(text)).sort(), ['city', 'days']);
  }
});

// ---- structured output

test('an answer is parsed by its schema', async () => {
  const answer = await client.chat.completions.parse({
    model: model('gpt-4o-mini'),
    messages: say('forecast'),
    response_format: zodResponseFormat(Forecast, 'forecast'),
  });
  assert.equal(answer.choices[0].message.parsed.unit, 'celsius');
});

test('a json object is json', async () => {
  const answer = await ask({ response_format: { type: 'json_object' } });
  assert.equal(typeof JSON.parse(answer.choices[0].message.content), 'object');
});

// ---- streams

test('a stream comes in pieces', async () => {
  const chunks = await collect(await ask({ stream: true }));
  assert.equal(new Set(chunks.map(({ id }) => id)).size, 1);
  const choices = chunks.flatMap((chunk) => chunk.choices);
  assert.deepEqual(choices.map(({ delta }) => delta.role).filter(Boolean), ['assistant']);
  assert.ok(choices.map(({ delta }) => delta.content ?? '').join(''));
  assert.deepEqual(choices.map((choice) => choice.finish_reason).filter(Boolean), ['stop']);
});

test('usage comes once when it was asked for', async () => {
  const chunks = await collect(await ask({ stream: true, stream_options: { include_usage: true } }));
  const withUsage = chunks.filter(({ usage }) => usage);
  assert.equal(withUsage.length, 1);
  assert.equal(withUsage[0], chunks.at(-1));
  assert.deepEqual(withUsage[0].choices, []);
});

for (const options of [{}, { stream_options: { include_usage: false } }]) {
  test(`no usage and no empty chunk with ${JSON.stringify(options)}`, async () => {
    const chunks = await collect(await ask({ stream: true, ...options }));
    assert.deepEqual(chunks.filter(({ usage }) => usage), []);
    assert.deepEqual(chunks.filter(({ choices }) => choices.length === 0), []);
  });
}

test('a stream shows its headers', async () => {
  const { data, response } = await ask({ stream: true }).withResponse();
  assert.match(response.headers.get('content-type'), /^text\/event-stream/);
  if (!DIRECT) {
    assert.equal(response.headers.get('x-gateway-provider'), 'openai');
    assert.equal(response.headers.get('cache-control'), 'no-cache');
  }
  assert.ok((await collect(data)).length > 1);
});

test('a stream that is left early harms nobody', async () => {
  const before = (await fetchMock('/_mock/stats')).hangups;
  for (let round = 0; round < 3; round += 1) {
    const stream = await ask({ model: model('slow-stream'), stream: true });
    for await (const chunk of stream) {
      assert.ok(chunk.id);
      break;
    }
  }
  assert.ok((await ask({})).choices[0].message.content);
  await eventually(async () => (await fetchMock('/_mock/stats')).hangups >= before + 3, 'the streams are cut');
});

test('an aborted call is aborted', async () => {
  const abort = new AbortController();
  setTimeout(() => abort.abort(), 200);
  await assert.rejects(ask({ model: model('never-answers') }, { signal: abort.signal }), OpenAI.APIUserAbortError);
  assert.ok((await ask({})).choices.length);
});

// ---- errors

async function refusal(kind, promise) {
  let caught;
  await assert.rejects(promise, (error) => {
    caught = error;
    return error instanceof kind;
  });
  return caught;
}

test('a wrong key', gatewayOnly, async () => {
  const call = open({ apiKey: 'wrong' }).chat.completions.create({ model: 'gpt-4o-mini', messages: say('hi') });
  const error = await refusal(OpenAI.AuthenticationError, call);
  assert.deepEqual([error.status, error.type, error.code], [401, 'authentication_error', 'invalid_api_key']);
});

for (const stream of [false, true]) {
  const form = stream ? 'stream' : 'whole';

  test(`${form}: a model that nobody serves`, gatewayOnly, async () => {
    const error = await refusal(OpenAI.NotFoundError, ask({ model: 'no-such-model', stream }));
    assert.deepEqual([error.type, error.code], ['invalid_request_error', 'model_not_found']);
    assert.match(error.requestID, /^[0-9a-f]{32}$/);
  });

  test(`${form}: a rate limit says when to come back`, async () => {
    const error = await refusal(OpenAI.RateLimitError, ask({ model: model('rate-limited'), stream }));
    assert.equal(error.headers.get('retry-after'), '7');
    assert.equal(error.code, 'rate_limit_exceeded');
  });

  test(`${form}: a wrong request brings the vendor's own words`, async () => {
    const error = await refusal(OpenAI.BadRequestError, ask({ model: model('rejects'), stream }));
    assert.match(error.message, /messages\[0\] is not to my taste/);
    assert.equal(error.type, 'invalid_request_error');
  });

  test(`${form}: the client's own timeout`, async () => {
    const call = ask({ model: model('never-answers'), stream }, { timeout: 500 });
    await refusal(OpenAI.APIConnectionTimeoutError, call);
  });
}

test('a request the vendor cannot process', async () => {
  await refusal(OpenAI.UnprocessableEntityError, ask({ model: model('unprocessable') }));
});

for (const [name, status, code] of [
  ['broken', 502, 'upstream_error'],
  ['overloaded', 503, 'upstream_overloaded'],
  ['bad-credential', 502, 'upstream_auth_error'],
  ['timed-out', 504, 'upstream_timeout'],
]) {
  test(`a vendor's failure: ${name}`, gatewayOnly, async () => {
    const error = await refusal(OpenAI.InternalServerError, ask({ model: name }));
    assert.deepEqual([error.status, error.type, error.code], [status, 'upstream_error', code]);
  });
}

test('an error in the middle of a stream', async () => {
  const read = [];
  const reading = (async () => {
    for await (const chunk of await ask({ model: model('breaks-midway'), stream: true })) read.push(chunk);
  })();
  await refusal(OpenAI.APIError, reading);
  assert.ok(read.length);
});

test('a stream that is cut does not look complete', gatewayOnly, async () => {
  const reading = (async () => collect(await ask({ model: model('cut-midway'), stream: true })))();
  const error = await refusal(OpenAI.APIError, reading);
  assert.equal(error.type, 'stream_error');
});

// ---- models

test('models are listed', async () => {
  const ids = (await collect(client.models.list())).map(({ id }) => id);
  assert.ok(ids.length);
  if (!DIRECT) assert.ok(ids.includes('gpt-4o-mini') && ids.includes('two-calls'));
});

test('one model is retrieved', async () => {
  const found = await client.models.retrieve('gpt-4o-mini');
  assert.deepEqual([found.id, found.object], ['gpt-4o-mini', 'model']);
});

test('a model that is not there', gatewayOnly, async () => {
  const error = await refusal(OpenAI.NotFoundError, client.models.retrieve('no-such-model'));
  assert.equal(error.code, 'model_not_found');
});
