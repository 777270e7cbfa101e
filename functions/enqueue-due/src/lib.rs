//! enqueue-due
