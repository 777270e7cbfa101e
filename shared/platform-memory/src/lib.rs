//! platform-memory
