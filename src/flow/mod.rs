//! Floor 2: segments → ordered bytes, with the frame that carried each.

pub mod fragments;
