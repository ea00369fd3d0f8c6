//! Images by size and quality, which litellm writes into the names of models:
//! `hd/1024-x-1792/dall-e-3`. Here they are lines of the model's price list.

use ::catalog::{Entry, Rate, Service, Unit};
use serde_json::Value;

use super::{Row, find, list};

const QUALITIES: [&str; 6] = ["low", "medium", "high", "standard", "hd", "auto"];

/// A name that holds a size.
pub(super) struct Sized {
    model: String,
    quality: String,
    width: u64,
    height: u64,
}

pub(super) fn sized(id: &str) -> Option<Sized> {
    let mut parts: Vec<&str> = id.split('/').collect();
    let at = parts.iter().position(|part| dimensions(part).is_some())?;
    let (width, height) = dimensions(parts[at])?;
    parts.remove(at);
    let mut quality = "";
    if let Some(steps) = parts.get(at).filter(|part| part.ends_with("-steps")) {
        // The vendor's own word for the most steps.
        quality = if *steps == "max-steps" {
            "premium"
        } else {
            "standard"
        };
        parts.remove(at);
    }
    if let Some(before) = at
        .checked_sub(1)
        .filter(|before| QUALITIES.contains(&parts[*before]))
    {
        quality = parts.remove(before);
    }
    // Some names repeat the vendor after the size.
    if parts.len() > 1 && parts[0] == "bedrock" {
        parts.remove(0);
    }
    Some(Sized {
        model: parts.join("/"),
        quality: quality.to_owned(),
        width,
        height,
    })
}

fn dimensions(part: &str) -> Option<(u64, u64)> {
    let (width, height) = part.split_once("-x-")?;
    Some((width.parse().ok()?, height.parse().ok()?))
}

/// What one image costs, if the row says so: as such, or by the pixel.
pub(super) enum Dollars {
    Each(String),
    Pixel(f64),
}

pub(super) fn dollars(row: &Row) -> Option<Dollars> {
    let number = |name: &str| row.get(name).and_then(Value::as_f64);
    let each = number("output_cost_per_image").or(number("input_cost_per_image"));
    match each {
        Some(each) => Some(Dollars::Each(super::price::exact(each))),
        None => number("input_cost_per_pixel").map(Dollars::Pixel),
    }
}

/// Adds a line to the model's price list; the first of a model makes its row.
pub(super) fn add(
    entries: &mut Vec<Entry>,
    sized: &Sized,
    mut made: Entry,
    dollars: Option<Dollars>,
) {
    if find(entries, &made.provider, &sized.model).is_none() {
        made.id.clone_from(&sized.model);
        made.prices.clear();
        entries.push(made.clone());
    }
    let Some(entry) = find(entries, &made.provider, &sized.model) else {
        return;
    };
    let price = list(entry);
    // The vendor's bill goes by tokens; the price of a piece is somebody's estimate of it.
    if price.has(Unit::ImageOut) {
        return;
    }
    let text = match dollars {
        Some(Dollars::Each(text)) => text,
        // A price by the pixel is one by the image divided and rounded; this undoes it.
        #[expect(clippy::cast_precision_loss)]
        Some(Dollars::Pixel(pixel)) => {
            format!("{:.4}", pixel * (sized.width * sized.height) as f64)
        }
        None => return,
    };
    let Ok(amount) = Unit::Image.amount(&text) else {
        return;
    };
    let Sized {
        quality,
        width,
        height,
        ..
    } = sized;
    let mut variants = vec![format!("{quality}:{width}x{height}")];
    // What vendors take when nothing else is asked for.
    if quality == "standard" {
        variants.push(format!(":{width}x{height}"));
        if (*width, *height) == (1024, 1024) {
            variants.push(String::new());
        }
    }
    for variant in variants {
        price.set(Rate {
            unit: Unit::Image,
            service: Service::Standard,
            above: 0,
            variant: variant.into(),
            amount,
        });
    }
}
