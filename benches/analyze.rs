//! How fast captures are read and explained, by packets and by bytes.
//!
//! `read` walks the records; `analyze` is the whole pipeline up to the
//! findings. Captures are generated and held in memory, so no disk is measured.
//! `RDPWHY_BENCH_MIB` sets the size of each (default 32).
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "a failed bench may stop")]
#![allow(missing_docs, reason = "criterion's macros")]

mod generator;

use std::hint::black_box;
use std::io::Cursor;
use std::sync::Arc;

use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use generator::{Container, Kind, Plan, Totals};
use rdpwhy::analysis::{Analysis, Analyzer};
use rdpwhy::capture::{Capture, CaptureOptions, from_reader};

/// Enough connections for the table to matter, little enough for a laptop.
const DEFAULT_MIB: u64 = 32;

fn throughput(criterion: &mut Criterion) {
    let mib = std::env::var("RDPWHY_BENCH_MIB").ok().and_then(|mib| mib.parse().ok()).unwrap_or(DEFAULT_MIB);
    let pcaps = Kind::ALL.map(|(name, kind)| (name, kind, Container::Pcap));
    for (name, kind, container) in pcaps.into_iter().chain([("heavy-pcapng", Kind::Heavy, Container::Pcapng)]) {
        let (bytes, totals) = generate(&Plan { kind, container, bytes: mib << 20, seed: 1 });
        measure(criterion, "read", name, &bytes, totals, read);
        measure(criterion, "analyze", name, &bytes, totals, analyze);
    }
}

fn measure<T>(
    criterion: &mut Criterion,
    what: &str,
    name: &str,
    bytes: &Arc<[u8]>,
    totals: Totals,
    run: impl Fn(Capture) -> T,
) {
    let mut group = criterion.benchmark_group(what);
    group.throughput(Throughput::ElementsAndBytes { elements: totals.packets, bytes: totals.bytes });
    group.sample_size(20);
    group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
        bencher.iter_batched(|| open(bytes), |capture| black_box(run(capture)), BatchSize::PerIteration);
    });
    group.finish();
}

fn generate(plan: &Plan) -> (Arc<[u8]>, Totals) {
    let mut bytes = Vec::new();
    let totals = generator::write(plan, &mut bytes).expect("memory can be written");
    (bytes.into(), totals)
}

fn open(bytes: &Arc<[u8]>) -> Capture {
    let reader = Box::new(Cursor::new(Arc::clone(bytes)));
    from_reader("generated", reader, rdpwhy::base::CaptureId(0), &CaptureOptions::default()).expect("a capture")
}

fn read(mut capture: Capture) -> u64 {
    let mut bytes = 0;
    while let Some(packet) = capture.next_packet().expect("memory can be read") {
        bytes += packet.data.len() as u64;
    }
    bytes
}

fn analyze(mut capture: Capture) -> Analysis {
    let mut analyzer = Analyzer::default();
    while let Some(packet) = capture.next_packet().expect("memory can be read") {
        analyzer.push(&packet);
    }
    analyzer.finish(0)
}

criterion_group!(benches, throughput);
criterion_main!(benches);
