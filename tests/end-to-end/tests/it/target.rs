//! What the tests run against, chosen once: the program `campaigns`, a process and a data directory for
//! each test; or an API that is deployed, a tenant for each test.
//!
//! `CAMPAIGNS_URL` names a deployed API, `CAMPAIGNS_API_KEYS` a key for administration of each of the
//! tenants to use, separated by white space. The providers and webhooks of the tests listen on loopback:
//! what is deployed must run on this machine and be allowed to call them.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use crate::api::Api;
use crate::process::{Home, Server};

/// How much longer everything may take on an emulator: its sweep comes once a minute, its functions
/// share the machine with the tests.
const EMULATOR: u32 = 5;

pub(crate) enum Target {
    /// The program.
    Own,
    /// An API that stands.
    Deployed(Deployed),
}

pub(crate) struct Deployed {
    pub(crate) url: String,
    /// Keys that no test has taken yet.
    keys: Mutex<Vec<String>>,
}

/// The choice.
pub(crate) fn target() -> &'static Target {
    static TARGET: OnceLock<Target> = OnceLock::new();
    TARGET.get_or_init(|| {
        match (
            std::env::var("CAMPAIGNS_URL"),
            std::env::var("CAMPAIGNS_API_KEYS"),
        ) {
            (Ok(url), Ok(keys)) => Target::Deployed(Deployed {
                url: url.trim_end_matches('/').to_owned(),
                keys: Mutex::new(keys.split_whitespace().map(str::to_owned).collect()),
            }),
            (Err(_), Err(_)) => Target::Own,
            _ => panic!("CAMPAIGNS_URL and CAMPAIGNS_API_KEYS go together"),
        }
    })
}

/// How long to wait for what takes `seconds` at most in the program.
pub(crate) fn patience(seconds: u64) -> Duration {
    let factor = match target() {
        Target::Own => 1,
        Target::Deployed(_) => EMULATOR,
    };
    Duration::from_secs(seconds) * factor
}

/// The target, for a test that only makes sense for the program as a process. Elsewhere it says so.
pub(crate) fn only_the_program(why: &str) -> Option<Home> {
    match target() {
        Target::Own => Some(Home::new()),
        Target::Deployed(_) => {
            eprintln!("nothing to test on a deployment: {why}");
            None
        }
    }
}

/// The target, for a test that only makes sense for a deployment. Elsewhere it says so.
pub(crate) fn only_deployed(why: &str) -> Option<&'static Deployed> {
    match target() {
        Target::Own => {
            eprintln!("nothing to test on the program: {why}");
            None
        }
        Target::Deployed(deployed) => Some(deployed),
    }
}

/// The product, with nothing in it yet.
pub(crate) struct Stand {
    pub(crate) api: Api,
    /// The process and its data directory, which goes with it.
    own: Option<(Server, Home)>,
}

impl Stand {
    pub(crate) async fn new() -> Self {
        match target() {
            Target::Own => {
                let home = Home::new();
                let server = home.serve().await;
                Self {
                    api: server.api.clone(),
                    own: Some((server, home)),
                }
            }
            Target::Deployed(deployed) => {
                let key = deployed.keys.lock().unwrap().pop();
                let key = key.expect("CAMPAIGNS_API_KEYS has too few keys: each test takes one");
                Self {
                    api: Api::new(deployed.url.clone(), &key),
                    own: None,
                }
            }
        }
    }

    /// A process must end in order; a deployment stands.
    pub(crate) async fn end(self) {
        if let Some((server, _home)) = self.own {
            server.terminate().await;
        }
    }
}
