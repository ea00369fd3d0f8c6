//! A strategy with those it chooses from; one of them may be a group again.

use super::{Considered, Order, Strategy};
use crate::ask::Ask;
use crate::dice::Dice;
use crate::directory::{Candidate, Serving};
use crate::guard::standing::Standing;

/// A strategy and its members.
#[derive(Debug)]
pub struct Group {
    strategy: Strategy,
    members: Box<[Member]>,
}

/// One of those among which a strategy chooses.
#[derive(Debug)]
pub struct Member {
    what: What,
    weight: f64,
    standby: bool,
}

#[derive(Debug)]
enum What {
    /// The target of this number; one that cannot be called keeps its place.
    Target(Option<usize>),
    Group(Group),
}

/// The targets of a configuration, for members that name them.
#[derive(Clone, Copy)]
pub(crate) struct Named<'a> {
    /// As they are written.
    pub(crate) specs: &'a [config::Target],
    /// The number of one that can be called.
    pub(crate) number: &'a dyn Fn(&str) -> Option<usize>,
}

impl Group {
    /// A strategy over all targets.
    pub(crate) fn over_all(spec: &config::Strategy, targets: Named<'_>) -> Result<Group, String> {
        let members = targets.specs.iter().map(|target| Member {
            what: What::Target((targets.number)(&target.virtual_key)),
            weight: target.weight.map_or(0.0, |weight| weight.0),
            standby: target.standby,
        });
        let specs = targets.specs.iter();
        let names: Vec<&str> = specs.map(|target| target.virtual_key.as_str()).collect();
        Ok(Group {
            strategy: Strategy::build(spec, &names)?,
            members: members.collect(),
        })
    }

    /// A strategy over some targets and groups.
    pub(crate) fn over(
        spec: &config::Strategy,
        members: &[config::Member],
        targets: Named<'_>,
    ) -> Result<Group, String> {
        let names: Vec<&str> = members
            .iter()
            .map(|member| member.name().unwrap_or_default())
            .collect();
        let members = members.iter().map(|member| member_of(member, targets));
        Ok(Group {
            members: members.collect::<Result<_, _>>()?,
            strategy: Strategy::build(spec, &names)?,
        })
    }

    /// The order for a call.
    pub fn order(
        &self,
        ask: &Ask<'_>,
        serving: &mut Serving,
        dice: &mut Dice,
        standing: &impl Fn(&Candidate) -> Standing,
    ) -> Order {
        let mut considered = Vec::with_capacity(serving.len().min(self.members.len()));
        let (mut lacking, mut variant) = (None, None);
        for (place, member) in self.members.iter().enumerate() {
            let one = match &member.what {
                What::Target(number) => {
                    number
                        .and_then(|number| serving.take(number))
                        .map(|candidate| {
                            let mut one = Considered::new(candidate, place);
                            one.standing = standing(&one.candidate);
                            one
                        })
                }
                What::Group(group) => {
                    let order = group.order(ask, serving, dice, standing);
                    lacking = lacking.or(order.lacking);
                    variant = variant.or_else(|| order.variant.clone());
                    unit(order, place)
                }
            };
            let Some(mut one) = one else { continue };
            (one.weight, one.standby) = (member.weight, member.standby);
            if self.strategy.asks_for_prices() {
                one.price = ask.price(&one.candidate);
            }
            considered.push(one);
        }
        if considered.is_empty() {
            return Order {
                lacking,
                ..Order::of(considered)
            };
        }
        let mut order = self.strategy.order(ask, considered, dice).flat();
        order.variant = order.variant.or(variant);
        order
    }

    /// The word for its strategy.
    pub fn label(&self) -> &'static str {
        self.strategy.label()
    }

    /// Whether some call for the model can be led to the target.
    pub fn reaches(&self, model: &str, target: usize) -> bool {
        self.members.iter().enumerate().any(|(place, member)| {
            let within = match &member.what {
                What::Target(number) => *number == Some(target),
                What::Group(group) => group.reaches(model, target),
            };
            within
                && self
                    .strategy
                    .reaches(model, place, member.weight, member.standby)
        })
    }

    /// Whether a call for some model can be led to the target.
    pub fn leads_to(&self, target: usize) -> bool {
        self.members.iter().enumerate().any(|(place, member)| {
            let within = match &member.what {
                What::Target(number) => *number == Some(target),
                What::Group(group) => group.leads_to(target),
            };
            within && self.strategy.leads_to(place, member.weight, member.standby)
        })
    }

    /// Whether the target is one of those it chooses from, at any depth.
    pub fn holds(&self, target: usize) -> bool {
        self.members.iter().any(|member| match &member.what {
            What::Target(number) => *number == Some(target),
            What::Group(group) => group.holds(target),
        })
    }
}

/// A group as its own strategy would take it: the head is considered, and brings the rest.
fn unit(order: Order, place: usize) -> Option<Considered> {
    let mut candidates = order.candidates.into_iter();
    let mut head = candidates.next()?;
    head.place = place;
    head.rank = 0;
    head.behind = if order.advance {
        candidates.collect()
    } else {
        Vec::new()
    };
    Some(head)
}

fn member_of(member: &config::Member, targets: Named<'_>) -> Result<Member, String> {
    let plain = config::Entry::default();
    let (name, entry) = match member {
        config::Member::Name(name) => (Some(name), &plain),
        config::Member::Entry(entry) => (entry.target.as_ref(), &**entry),
    };
    let written = name.and_then(|name| {
        let mut specs = targets.specs.iter();
        specs.find(|spec| spec.virtual_key == *name)
    });
    let what = match (name, &entry.targets) {
        (Some(name), _) => What::Target((targets.number)(name)),
        (None, Some(members)) => {
            let strategy = entry.strategy.clone().unwrap_or_default();
            What::Group(Group::over(&strategy, members, targets)?)
        }
        (None, None) => return Err("a member of a route names no target".into()),
    };
    let weight = entry.weight.or(written.and_then(|spec| spec.weight));
    let standby = entry
        .standby
        .unwrap_or_else(|| written.is_some_and(|spec| spec.standby));
    Ok(Member {
        what,
        weight: weight.map_or(0.0, |weight| weight.0),
        standby,
    })
}
