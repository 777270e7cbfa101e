//! What programs on AWS read from the environment besides the platform's own settings
//! (`platform_aws::Settings`):
//!
//! | variable | meaning | default |
//! |---|---|---|
//! | `ALLOWED_NETWORKS` | private networks that webhooks may reach, with commas: `10.1.0.0/16,fd00::/8` | none |
//! | `WEBHOOKS_HTTPS_ONLY` | `true`: webhooks are called by https only | `false` |
//! | `CONNECTORS_USE_ROLE` | `true`: connectors of AWS's services without keys of their own sign with the function's role; every tenant can then send in its name | `false` |
//! | `ONLY_SHARD` | the name of the stream's shard, where it has one only and events name none, as on emulators; never on AWS | none |
//! | `METRICS_NAMESPACE` | the CloudWatch namespace of what is measured | `OutboundCampaigns` |
//! | `RUST_LOG` | what is logged | `info` |

use ipnet::IpNet;

use crate::lambda::NAMESPACE;

/// A wrong setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    name: &'static str,
    problem: String,
}

impl std::fmt::Display for SettingError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.name, self.problem)
    }
}

impl std::error::Error for SettingError {}

/// Settings of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Private networks that webhooks may reach.
    pub allowed_networks: Vec<IpNet>,
    /// Whether webhooks are called by https only.
    pub https_only: bool,
    /// Whether connectors may sign with the function's role.
    pub connectors_use_role: bool,
    /// The stream's only shard, where events name none.
    pub only_shard: Option<String>,
    /// The CloudWatch namespace.
    pub namespace: String,
}

impl Settings {
    /// Reads the settings.
    ///
    /// # Errors
    /// The first that is wrong.
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Result<Self, SettingError> {
        let set = |name| {
            get(name)
                .map(|text| text.trim().to_owned())
                .filter(|text| !text.is_empty())
        };
        let is_true = |name| match set(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(SettingError {
                name,
                problem: format!("must be true or false, not {other:?}"),
            }),
        };
        Ok(Self {
            allowed_networks: networks(&set("ALLOWED_NETWORKS").unwrap_or_default())?,
            https_only: is_true("WEBHOOKS_HTTPS_ONLY")?,
            connectors_use_role: is_true("CONNECTORS_USE_ROLE")?,
            only_shard: set("ONLY_SHARD"),
            namespace: set("METRICS_NAMESPACE").unwrap_or_else(|| NAMESPACE.to_owned()),
        })
    }
}

fn networks(text: &str) -> Result<Vec<IpNet>, SettingError> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            part.parse().map_err(|_| SettingError {
                name: "ALLOWED_NETWORKS",
                problem: format!("must hold networks such as 10.1.0.0/16 with commas; {part:?} is none"),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(set: &[(&str, &str)]) -> Result<Settings, SettingError> {
        Settings::read(|name| {
            let found = set.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn nothing_need_be_set() {
        let settings = read(&[]).unwrap();
        assert_eq!(settings.allowed_networks, []);
        assert_eq!(settings.namespace, "OutboundCampaigns");
        assert!(!settings.https_only && !settings.connectors_use_role);
    }

    #[test]
    fn networks_are_listed_with_commas() {
        let settings = read(&[("ALLOWED_NETWORKS", "127.0.0.0/8, ::1/128,")]).unwrap();
        assert_eq!(
            settings.allowed_networks,
            [
                "127.0.0.0/8".parse().unwrap(),
                "::1/128".parse::<IpNet>().unwrap()
            ]
        );
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let error = |name, value| read(&[(name, value)]).unwrap_err().to_string();
        assert!(error("ALLOWED_NETWORKS", "10.0.0.1/99").starts_with("ALLOWED_NETWORKS must hold networks"));
        assert!(error("WEBHOOKS_HTTPS_ONLY", "yes").starts_with("WEBHOOKS_HTTPS_ONLY must be true or false"));
    }
}
