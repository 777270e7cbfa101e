//! platform-embedded
