//! The connectors against servers that speak their protocols. One program, so that it is linked once.

#[cfg(test)]
mod amazon_connect;
#[cfg(test)]
mod aws_ses;
#[cfg(test)]
mod aws_sms;
#[cfg(test)]
mod aws_whatsapp;
#[cfg(test)]
mod ccm;
#[cfg(test)]
mod common;
#[cfg(test)]
mod floor;
#[cfg(test)]
mod mailbox;
#[cfg(test)]
mod simulator;
#[cfg(test)]
mod smtp;
#[cfg(test)]
mod sns;
#[cfg(test)]
mod topic;
#[cfg(test)]
mod twilio;
#[cfg(test)]
mod whatsapp_cloud;
