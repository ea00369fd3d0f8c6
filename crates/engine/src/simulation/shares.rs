//! Whether calls are shared by weights: among all, and among those that are left when some are barred.

use std::collections::BTreeMap;

/// How often each was first, by who could be: a bit for each target that was not barred.
pub(super) type Heads = BTreeMap<u32, Vec<u64>>;

/// How far a share may be from that of its weight.
const WITHIN: f64 = 0.01;
/// Calls from which on chance does not explain more than that: four and a half deviations of a half.
const ENOUGH: u64 = 50_625;

/// Adds the counts of another run.
pub(super) fn add(heads: &mut Heads, more: Heads) {
    for (open, counts) in more {
        let sums = heads.entry(open).or_insert_with(|| vec![0; counts.len()]);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += count;
        }
    }
}

/// Whether there were calls enough to tell when all of so many were open.
pub(super) fn are_told(heads: &Heads, targets: usize) -> bool {
    let counts = heads.get(&((1 << targets) - 1));
    counts.is_some_and(|counts| counts.iter().sum::<u64>() >= ENOUGH)
}

/// Shares that are more than 1 % from those of the weights, whoever was open, where there were calls
/// enough to tell.
#[expect(clippy::cast_precision_loss, reason = "counts of calls")]
pub(super) fn findings(heads: &Heads, weights: &[f64]) -> Vec<String> {
    let mut findings = Vec::new();
    for (open, counts) in heads {
        let calls: u64 = counts.iter().sum();
        if *open == 0 || calls < ENOUGH {
            continue;
        }
        let may = |target: usize| open & (1 << target) != 0;
        let weight = |target: usize| if may(target) { weights[target] } else { 0.0 };
        let among: f64 = (0..weights.len()).map(weight).sum();
        for (target, count) in counts.iter().enumerate() {
            let (share, wanted) = (*count as f64 / calls as f64, weight(target) / among);
            if (share - wanted).abs() > WITHIN {
                findings.push(format!(
                    "shares are those of weights: {share:.4} of {calls} calls, not {wanted:.4}, went to target {target} (open: {open:b})"
                ));
            }
        }
    }
    findings
}
