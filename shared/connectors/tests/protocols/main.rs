//! The connectors against servers that speak their protocols. One program, so that it is linked once.

#[cfg(test)]
mod ccm;
#[cfg(test)]
mod common;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod twilio;
#[cfg(test)]
mod whatsapp_cloud;
