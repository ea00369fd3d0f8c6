//! Which strategy decides a call: the first route that matches it, or else the global one.

mod matcher;

use std::sync::Arc;

use config::Config;

use crate::ask::Ask;
use crate::strategy::{Group, Named};
use crate::target::Target;
use matcher::{Matcher, Verdict};

/// The routes of a configuration, and its global strategy.
#[derive(Debug)]
pub struct Routing {
    routes: Box<[Route]>,
    global: Group,
    reads_clock: bool,
}

#[derive(Debug)]
struct Route {
    name: Arc<str>,
    matcher: Matcher,
    group: Group,
}

impl Routing {
    /// What was written, over the targets that can be called.
    pub fn build(config: &Config, targets: &[Arc<Target>]) -> Result<Routing, String> {
        let number = |name: &str| targets.iter().position(|target| *target.name == *name);
        let named = Named {
            specs: &config.targets,
            number: &number,
        };
        let routes = config.routes.iter().enumerate().map(|(index, written)| {
            let name = written.name.clone();
            let name = name.unwrap_or_else(|| format!("routes[{index}]"));
            let group = match &written.targets {
                None => Group::over_all(&written.strategy, named),
                Some(members) => Group::over(&written.strategy, members, named),
            };
            Ok(Route {
                group: group.map_err(|error| format!("{name}: {error}"))?,
                name: name.into(),
                matcher: Matcher::build(&written.matches),
            })
        });
        let routes: Box<[Route]> = routes.collect::<Result<_, String>>()?;
        Ok(Routing {
            reads_clock: routes.iter().any(|route| route.matcher.reads_clock()),
            global: Group::over_all(&config.strategy, named)
                .map_err(|error| format!("strategy: {error}"))?,
            routes,
        })
    }

    /// Whether a route asks what time it is.
    pub fn reads_clock(&self) -> bool {
        self.reads_clock
    }

    /// Who decides the call, and the name of the route.
    pub fn choose(&self, ask: &Ask<'_>) -> (&Group, Option<&Arc<str>>) {
        let route = self.routes.iter().find(|route| route.matcher.matches(ask));
        match route {
            Some(route) => (&route.group, Some(&route.name)),
            None => (&self.global, None),
        }
    }

    /// Whether some call for the model can be led to the target.
    pub fn reaches(&self, model: &str, target: usize) -> bool {
        for route in &self.routes {
            let verdict = route.matcher.of_model(model);
            if verdict != Verdict::Never && route.group.reaches(model, target) {
                return true;
            }
            if verdict == Verdict::Always {
                return false;
            }
        }
        self.global.reaches(model, target)
    }

    /// Whether any call can be led to the target at all.
    pub fn leads_to(&self, target: usize) -> bool {
        let groups = self.routes.iter().map(|route| &route.group);
        groups
            .chain([&self.global])
            .any(|group| group.leads_to(target))
    }
}

#[cfg(test)]
mod tests;
