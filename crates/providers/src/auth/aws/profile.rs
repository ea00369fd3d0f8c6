//! The `config` and `credentials` files that AWS's tools share, and what a profile in them means.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::{AwsKeys, Role};
use crate::auth::{BadCredential, Hidden, shown};

/// Profiles that may lead to one another.
const CHAIN_MAX: usize = 5;
/// The name of a role's session when the profile has none.
const SESSION: &str = "ferrogw";

type Section = BTreeMap<String, String>;

/// The profiles of both files; where both set a value, `credentials` counts.
#[derive(Clone, Debug, Default)]
pub struct Profiles(BTreeMap<String, Section>);

/// What a profile wants done for its keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// They stand in it.
    Keys(AwsKeys),
    /// A role, taken with the keys of another profile or source.
    Role(Role, Box<Wanted>),
    /// A role, taken with the token in a file.
    WebIdentity(Role, PathBuf),
    /// The keys of the environment.
    Environment,
    /// The keys of the container.
    Container,
    /// The keys of the instance.
    Instance,
}

impl Profiles {
    /// Reads the texts of both files. What is no setting of a profile is passed over.
    pub fn read(config: &str, credentials: &str) -> Profiles {
        let mut all = Profiles::default();
        all.add(config, |header| match header.strip_prefix("profile ") {
            Some(name) => Some(name.trim()),
            None => (header == "default").then_some(header),
        });
        all.add(credentials, |header| Some(header));
        all
    }

    fn add(&mut self, text: &str, name: fn(&str) -> Option<&str>) {
        let mut current = None;
        for line in text.lines() {
            // An indented line belongs to the setting above it.
            if line.starts_with([' ', '\t', '#', ';']) {
                continue;
            }
            if let Some(header) = line.strip_prefix('[') {
                let header = header.split(']').next().unwrap_or_default().trim();
                current = name(header).map(str::to_owned);
            } else if let (Some(profile), Some((key, value))) = (&current, line.split_once('=')) {
                let section = self.0.entry(profile.clone()).or_default();
                section.insert(
                    key.trim().to_ascii_lowercase(),
                    uncommented(value).to_owned(),
                );
            }
        }
    }

    /// Whether there is a profile of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// The region of a profile.
    pub fn region(&self, name: &str) -> Option<&str> {
        set(self.0.get(name)?, "region")
    }

    /// What the profile wants done.
    pub fn wanted(&self, name: &str) -> Result<Wanted, BadCredential> {
        self.follow(name, &mut Vec::new())
    }

    fn follow<'a>(
        &'a self,
        name: &'a str,
        seen: &mut Vec<&'a str>,
    ) -> Result<Wanted, BadCredential> {
        let section = self.0.get(name).ok_or_else(|| bad(name, "is in no file"))?;
        // A profile may take a role with its own keys: the second visit is for these.
        let again = seen.contains(&name);
        if seen.len() >= CHAIN_MAX {
            return Err(bad(name, "is the end of too long a chain of profiles"));
        }
        seen.push(name);
        match set(section, "role_arn").filter(|_| !again) {
            Some(arn) => self.role(name, section, arn, seen),
            None => keys(name, section),
        }
    }

    fn role<'a>(
        &'a self,
        name: &'a str,
        section: &'a Section,
        arn: &str,
        seen: &mut Vec<&'a str>,
    ) -> Result<Wanted, BadCredential> {
        let role = Role {
            arn: arn.to_owned(),
            session: set(section, "role_session_name")
                .unwrap_or(SESSION)
                .to_owned(),
            external_id: set(section, "external_id").map(str::to_owned),
        };
        if let Some(file) = set(section, "web_identity_token_file") {
            return Ok(Wanted::WebIdentity(role, file.into()));
        }
        let source = match (
            set(section, "source_profile"),
            set(section, "credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(bad(
                    name,
                    "has both `source_profile` and `credential_source`; one of them must go",
                ));
            }
            (Some(other), None) => self.follow(other, seen)?,
            (None, Some("Environment")) => Wanted::Environment,
            (None, Some("EcsContainer")) => Wanted::Container,
            (None, Some("Ec2InstanceMetadata")) => Wanted::Instance,
            (None, Some(_)) => {
                return Err(bad(
                    name,
                    "has a `credential_source` other than Environment, EcsContainer and Ec2InstanceMetadata",
                ));
            }
            (None, None) => {
                return Err(bad(
                    name,
                    "has a `role_arn` but neither `source_profile`, `credential_source` nor `web_identity_token_file`",
                ));
            }
        };
        Ok(Wanted::Role(role, Box::new(source)))
    }
}

fn keys(name: &str, section: &Section) -> Result<Wanted, BadCredential> {
    let id = set(section, "aws_access_key_id");
    let secret = set(section, "aws_secret_access_key");
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(Wanted::Keys(AwsKeys {
            access_key_id: id.to_owned(),
            secret_access_key: Hidden::new(secret),
            session_token: set(section, "aws_session_token").map(Hidden::new),
        })),
        (Some(_), None) => Err(bad(name, "has no `aws_secret_access_key`")),
        (None, Some(_)) => Err(bad(name, "has no `aws_access_key_id`")),
        (None, None) => Err(bad(name, without_keys(section))),
    }
}

fn without_keys(section: &Section) -> &'static str {
    const PROBLEMS: [(&str, &str); 3] = [
        (
            "credential_process",
            "runs a program (`credential_process`), which this gateway does not",
        ),
        ("sso_session", "signs in by SSO, which this gateway cannot"),
        (
            "sso_start_url",
            "signs in by SSO, which this gateway cannot",
        ),
    ];
    let found = PROBLEMS.iter().find(|(key, _)| section.contains_key(*key));
    found.map_or("holds no keys and no role", |(_, problem)| problem)
}

/// ` #` and ` ;` begin a comment, in a value only after a space.
fn uncommented(value: &str) -> &str {
    let end = [" #", " ;", "\t#", "\t;"]
        .iter()
        .filter_map(|mark| value.find(mark))
        .min()
        .unwrap_or(value.len());
    value[..end].trim()
}

fn set<'a>(section: &'a Section, key: &str) -> Option<&'a str> {
    section
        .get(key)
        .map(String::as_str)
        .filter(|value| !value.is_empty())
}

fn bad(profile: &str, problem: &str) -> BadCredential {
    BadCredential::Profile {
        profile: shown(profile),
        problem: problem.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const CONFIG: &str = "
# everything
[default]
region = eu-west-1 ; near
s3 =
  max_concurrent_requests = 20
  aws_access_key_id = nested
[profile prod]
role_arn = arn:aws:iam::1:role/prod
source_profile = default
external_id = ext
[profile self]
role_arn = arn:aws:iam::1:role/self
source_profile = self
aws_access_key_id = AKSELF
aws_secret_access_key = sself
[profile pod]
role_arn = arn:aws:iam::1:role/pod
web_identity_token_file = /var/token
role_session_name = me
[profile box]
role_arn = r
credential_source = Ec2InstanceMetadata
[profile sso]
sso_session = x
[profile proc]
credential_process = /bin/x
[profile a]
role_arn = r
source_profile = b
[profile b]
role_arn = r
source_profile = a
[profile lost]
role_arn = r
[sso-session x]
sso_region = us-east-1
";
    const CREDENTIALS: &str = "
[default]
aws_access_key_id=AKID
aws_secret_access_key = s3/cr=et
[half]
aws_access_key_id = AKID
[prod]
aws_session_token = t
";

    fn wanted(name: &str) -> Result<Wanted, String> {
        Profiles::read(CONFIG, CREDENTIALS)
            .wanted(name)
            .map_err(|error| error.to_string())
    }

    fn pair(id: &str, secret: &str) -> Wanted {
        Wanted::Keys(AwsKeys {
            access_key_id: id.into(),
            secret_access_key: Hidden::new(secret),
            session_token: None,
        })
    }

    fn role(arn: &str, session: &str, external_id: Option<&str>) -> Role {
        Role {
            arn: arn.into(),
            session: session.into(),
            external_id: external_id.map(Into::into),
        }
    }

    #[test]
    fn a_profile_says_what_is_to_be_done() {
        assert_eq!(wanted("default"), Ok(pair("AKID", "s3/cr=et")));
        let prod = role("arn:aws:iam::1:role/prod", "ferrogw", Some("ext"));
        assert_eq!(
            wanted("prod"),
            Ok(Wanted::Role(prod, Box::new(pair("AKID", "s3/cr=et"))))
        );
        let own = role("arn:aws:iam::1:role/self", "ferrogw", None);
        assert_eq!(
            wanted("self"),
            Ok(Wanted::Role(own, Box::new(pair("AKSELF", "sself"))))
        );
        let workload = role("arn:aws:iam::1:role/pod", "me", None);
        assert_eq!(
            wanted("pod"),
            Ok(Wanted::WebIdentity(workload, "/var/token".into()))
        );
        assert_eq!(
            wanted("box"),
            Ok(Wanted::Role(
                role("r", "ferrogw", None),
                Box::new(Wanted::Instance)
            ))
        );
        let all = Profiles::read(CONFIG, CREDENTIALS);
        assert_eq!(
            (all.region("default"), all.region("prod")),
            (Some("eu-west-1"), None)
        );
        assert!(all.has("half") && !all.has("x"));
    }

    #[test]
    fn a_profile_that_leads_nowhere_says_why() {
        for (name, problem) in [
            ("nope", "is in no file"),
            ("half", "has no `aws_secret_access_key`"),
            ("sso", "signs in by SSO"),
            ("proc", "runs a program"),
            ("a", "holds no keys and no role"),
            ("lost", "has a `role_arn` but neither"),
        ] {
            let error = wanted(name).unwrap_err();
            assert!(error.contains(problem), "{name}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_file_panics(config in ".{0,200}", name in ".{0,10}") {
            let _ = Profiles::read(&config, &config).wanted(&name);
        }

        #[test]
        fn no_maze_of_profiles_is_endless(links in prop::collection::vec((0u8..6, 0u8..6), 0..20)) {
            let profile = |(from, to): (u8, u8)| format!("[profile p{from}]\nrole_arn = r\nsource_profile = p{to}\n");
            let config = links.into_iter().map(profile).collect::<Vec<_>>().concat();
            let all = Profiles::read(&config, "");
            for name in ["p0", "p1", "p2", "p3", "p4", "p5"] {
                prop_assert!(all.wanted(name).is_err());
            }
        }
    }
}
