#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| heartbeat::testing::fuzz::history(bytes));
