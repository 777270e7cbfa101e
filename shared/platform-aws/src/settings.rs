//! Where things are: names and addresses, read from the environment in one place.

use platform::queues::QueueName;

/// Whether calls of the table are asked what they consume.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Accounting {
    /// Not asked.
    #[default]
    Off,
    /// Asked, and summed up: see [`crate::Aws::consumed`].
    On,
}

/// What the platform is made from. Region, credentials and endpoints are the SDK's: see its variables
/// `AWS_REGION`, `AWS_ENDPOINT_URL` and others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The table, by name. `TABLE_NAME`.
    pub table: String,
    /// `DISPATCH_QUEUE_URL`.
    pub dispatch_queue: String,
    /// `DISPATCH_URGENT_QUEUE_URL`.
    pub dispatch_urgent_queue: String,
    /// `FLOW_QUEUE_URL`.
    pub flow_queue: String,
    /// `PACING_QUEUE_URL`.
    pub pacing_queue: String,
    /// `WEBHOOK_DELIVERY_QUEUE_URL`.
    pub webhook_delivery_queue: String,
    /// The event bus, by name or ARN. `BUS_NAME`; without it events are published nowhere.
    pub bus: Option<String>,
    /// The bucket of uploads. `UPLOADS_BUCKET`.
    pub uploads: String,
    /// What names of secrets begin with, such as `/campaigns`. `SECRETS_PREFIX`.
    pub secrets_prefix: String,
    /// `CAPACITY_ACCOUNTING`: `on` or `off`; off where it is not set.
    pub accounting: Accounting,
}

/// A missing or wrong variable of the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} {problem}")]
pub struct SettingError {
    /// Which.
    pub variable: &'static str,
    /// What is wrong, and what to do.
    pub problem: String,
}

impl Settings {
    /// Reads the environment of the process.
    ///
    /// # Errors
    /// Names the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self, SettingError> {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads variables by name.
    ///
    /// # Errors
    /// As [`Settings::from_env`].
    pub fn read(variable: impl Fn(&'static str) -> Option<String>) -> Result<Self, SettingError> {
        let named = |name, what: &str| {
            variable(name)
                .filter(|value| !value.is_empty())
                .ok_or_else(|| SettingError {
                    variable: name,
                    problem: format!("is not set. Set it to {what}"),
                })
        };
        let queue = |name| {
            let url = named(name, "the URL of the queue")?;
            match url::Url::parse(&url) {
                Ok(parsed) if parsed.has_host() => Ok(url),
                _ => Err(wrong(
                    name,
                    &url,
                    "the URL of a queue, such as https://sqs.eu-west-2.amazonaws.com/123456789012/dispatch",
                )),
            }
        };
        Ok(Self {
            table: named("TABLE_NAME", "the name of the DynamoDB table")?,
            dispatch_queue: queue("DISPATCH_QUEUE_URL")?,
            dispatch_urgent_queue: queue("DISPATCH_URGENT_QUEUE_URL")?,
            flow_queue: queue("FLOW_QUEUE_URL")?,
            pacing_queue: queue("PACING_QUEUE_URL")?,
            webhook_delivery_queue: queue("WEBHOOK_DELIVERY_QUEUE_URL")?,
            bus: variable("BUS_NAME").filter(|name| !name.is_empty()),
            uploads: named("UPLOADS_BUCKET", "the name of the bucket of uploads")?,
            secrets_prefix: secrets_prefix(named("SECRETS_PREFIX", "what names of secrets begin with")?)?,
            accounting: match variable("CAPACITY_ACCOUNTING").as_deref() {
                None | Some("" | "off") => Accounting::Off,
                Some("on") => Accounting::On,
                Some(other) => return Err(wrong("CAPACITY_ACCOUNTING", other, "`on` or `off`")),
            },
        })
    }

    /// The URL of a queue.
    pub fn queue_url(&self, queue: QueueName) -> &str {
        match queue {
            QueueName::Dispatch => &self.dispatch_queue,
            QueueName::DispatchUrgent => &self.dispatch_urgent_queue,
            QueueName::Flow => &self.flow_queue,
            QueueName::Pacing => &self.pacing_queue,
            QueueName::WebhookDelivery => &self.webhook_delivery_queue,
        }
    }
}

fn wrong(variable: &'static str, value: &str, what: &str) -> SettingError {
    SettingError {
        variable,
        problem: format!("is {value:?}. Set it to {what}"),
    }
}

/// Names of parameters that have levels begin with `/`.
fn secrets_prefix(prefix: String) -> Result<String, SettingError> {
    let level = |text: &str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'))
    };
    match prefix.strip_prefix('/') {
        Some(levels) if levels.split('/').all(level) => Ok(prefix),
        _ => Err(wrong(
            "SECRETS_PREFIX",
            &prefix,
            "levels of letters, digits, `.`, `-` and `_`, each behind a `/`, such as /campaigns",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(changed: &str, value: Option<&str>) -> Result<Settings, SettingError> {
        Settings::read(|name| {
            if name == changed {
                return value.map(str::to_owned);
            }
            Some(match name {
                "SECRETS_PREFIX" => "/campaigns/test".to_owned(),
                "CAPACITY_ACCOUNTING" => "on".to_owned(),
                name if name.ends_with("_URL") => format!("http://localhost:4566/000000000000/{name}"),
                name => name.to_lowercase(),
            })
        })
    }

    #[test]
    fn all_are_read() {
        let settings = read("", None).unwrap();
        assert_eq!(settings.table, "table_name");
        assert_eq!(settings.accounting, Accounting::On);
        let urls: std::collections::BTreeSet<&str> = QueueName::ALL
            .into_iter()
            .map(|queue| settings.queue_url(queue))
            .collect();
        assert_eq!(urls.len(), QueueName::ALL.len());
        assert_eq!(
            read("CAPACITY_ACCOUNTING", None).unwrap().accounting,
            Accounting::Off
        );
        assert_eq!(settings.bus.as_deref(), Some("bus_name"));
    }

    #[test]
    fn there_need_be_no_bus() {
        for absent in [None, Some("")] {
            assert_eq!(read("BUS_NAME", absent).unwrap().bus, None);
        }
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        for (name, value) in [
            ("TABLE_NAME", None),
            ("TABLE_NAME", Some("")),
            ("FLOW_QUEUE_URL", Some("flow")),
            ("UPLOADS_BUCKET", None),
            ("SECRETS_PREFIX", Some("campaigns")),
            ("SECRETS_PREFIX", Some("/campaigns/")),
            ("CAPACITY_ACCOUNTING", Some("yes")),
        ] {
            assert_eq!(
                read(name, value).map_err(|error| error.variable),
                Err(name),
                "{value:?}"
            );
        }
    }
}
