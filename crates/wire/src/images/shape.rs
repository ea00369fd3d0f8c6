//! From sides to the ratios that vendors know.

/// The longest side that anybody would mean.
const LONGEST: u32 = 16_384;

/// Width and height, neither of them 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sides {
    pub(super) width: u32,
    pub(super) height: u32,
}

impl Sides {
    /// Reads one like `1024x768`.
    pub(super) fn read(text: &str) -> Option<Sides> {
        let (width, height) = text.split_once('x')?;
        let side = |text: &str| {
            text.parse()
                .ok()
                .filter(|side| (1..=LONGEST).contains(side))
        };
        Some(Sides {
            width: side(width)?,
            height: side(height)?,
        })
    }

    pub(super) fn longer(self) -> u32 {
        self.width.max(self.height)
    }

    /// The nearest of some ratios, each written like `16:9`.
    pub(super) fn nearest(self, ratios: &[&'static str]) -> Option<&'static str> {
        let own = f64::from(self.width) / f64::from(self.height);
        let far = |ratio: &str| {
            let (width, height) = ratio.split_once(':')?;
            let (width, height): (f64, f64) = (width.parse().ok()?, height.parse().ok()?);
            Some((own / (width / height)).ln().abs())
        };
        let distances = ratios
            .iter()
            .filter_map(|ratio| Some((far(ratio)?, *ratio)));
        let nearest = distances.min_by(|a, b| a.0.total_cmp(&b.0));
        nearest.map(|(_, ratio)| ratio)
    }
}
