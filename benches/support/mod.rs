//! Ours and its floor take turns in one run, so that whatever else the machine does meets both alike. Prints what came
//! out beside the target; judges nothing.

#[path = "../../tests/support/allocator.rs"]
mod allocator;
#[path = "../../tests/support/material.rs"]
pub mod material;
pub mod server;

use std::hint::black_box;
use std::time::{Duration, Instant};

use allocator::Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting::new();

/// What one piece of work took.
#[derive(Clone, Copy)]
pub struct Cost {
    time: Duration,
    allocations: usize,
}

/// Measures one piece of work, the wiping of what comes of it included. Whatever prepares it stays outside.
pub fn cost<T>(work: impl FnOnce() -> T) -> Cost {
    let (allocations, start) = (ALLOCATOR.allocations(), Instant::now());
    drop(black_box(work()));
    Cost { time: start.elapsed(), allocations: ALLOCATOR.allocations() - allocations }
}

/// Lets both take turns, now the one first and now the other, and prints a line: medians, and of the ratio in each
/// round the median with its quartiles.
pub fn compare(
    name: &str,
    target: &str,
    rounds: usize,
    mut ours: impl FnMut() -> Cost,
    mut floor: impl FnMut() -> Cost,
) {
    for _ in 0..rounds.div_ceil(10) {
        ours();
        floor();
    }
    let pairs = (0..rounds).map(|round| match round % 2 {
        0 => (ours(), floor()),
        _ => {
            let floor = floor();
            (ours(), floor)
        }
    });
    let pairs = pairs.collect::<Vec<_>>();
    let micros = |cost: &Cost| cost.time.as_secs_f64() * 1e6;
    let [_, ours, _] = quartiles(pairs.iter().map(|(ours, _)| micros(ours)));
    let [_, floor, _] = quartiles(pairs.iter().map(|(_, floor)| micros(floor)));
    let [low, ratio, high] = quartiles(pairs.iter().map(|(ours, floor)| micros(ours) / micros(floor)));
    let [_, our_allocations, _] = quartiles(pairs.iter().map(|(ours, _)| ours.allocations as f64));
    let [_, floor_allocations, _] = quartiles(pairs.iter().map(|(_, floor)| floor.allocations as f64));
    println!(
        "{name:<48} {ours:>8.1} µs  floor {floor:>8.1} µs  ratio {ratio:.3} ({low:.3} to {high:.3})  target {target:<8} \
         allocations {our_allocations}, floor {floor_allocations}"
    );
}

/// The bytes in use by the whole process.
#[allow(dead_code, reason = "each bench uses a part")]
pub fn bytes_in_use() -> usize {
    ALLOCATOR.baseline()
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values = values.collect::<Vec<_>>();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[(values.len() - 1) * quarter / 4])
}
