//! webhook-delivery
