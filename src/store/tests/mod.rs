//! The decorator over paused time: several processes, one store in memory, a scripted IMS. Each
//! test says how many requests it allows and what each caller sees.
#![allow(clippy::arithmetic_side_effects, reason = "a test may stop at the first surprise")]

mod faults;
mod fleet;
mod forget;
mod harness;
mod leases;
mod sharing;
