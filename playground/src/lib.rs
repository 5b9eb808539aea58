//! The simulator for a page: text in, JSON out.
//!
//! A page writes a question into [`input`], calls [`answer`] and reads [`output`]. The exports are plain numbers and a
//! memory that both sides see, which is all that WebAssembly has by itself: five functions need no generator of bindings,
//! and the page no build step. Packets are not JSON but numbers ([`packets`]), because a run has tens of thousands of them.
//!
//! A question that cannot be answered is answered with what is wrong with it. Nothing is kept between two questions but
//! the buffers: each question has the whole scenario, so stepping back is asking again.

// The exports are what makes this a module for pages; there is no unsafe block.
#![deny(unsafe_op_in_unsafe_fn)]

mod contenders;
mod experiment;
mod moment;
mod packets;
mod presets;
mod story;
mod truth;

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

use self::experiment::Experiment;

/// A scenario is some hundred bytes; more than this is not one.
const INPUT_BYTES_MAX: usize = 256 * 1024;

static INPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());
static PACKETS: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// Where the page writes `bytes` bytes of a question; null when that is too much.
#[unsafe(no_mangle)]
pub extern "C" fn input(bytes: usize) -> *mut u8 {
    if bytes > INPUT_BYTES_MAX {
        return std::ptr::null_mut();
    }
    let mut input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    input.clear();
    input.resize(bytes, 0);
    input.as_mut_ptr()
}

/// Answers the question and says how many bytes the answer has.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> usize {
    let input = INPUT.lock().unwrap_or_else(PoisonError::into_inner);
    let mut noted = Vec::new();
    let text = answer_to(&input, &mut noted).to_string().into_bytes();
    *PACKETS.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    let mut output = OUTPUT.lock().unwrap_or_else(PoisonError::into_inner);
    *output = text;
    output.len()
}

/// Where the answer is.
#[unsafe(no_mangle)]
pub extern "C" fn output() -> *const u8 {
    OUTPUT.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
}

/// Where the packets of the run are that was asked for, in the form of [`packets::BYTES`].
#[unsafe(no_mangle)]
pub extern "C" fn packets() -> *const u8 {
    PACKETS.lock().unwrap_or_else(PoisonError::into_inner).as_ptr()
}

/// How many bytes they have.
#[unsafe(no_mangle)]
pub extern "C" fn packets_bytes() -> usize {
    PACKETS.lock().unwrap_or_else(PoisonError::into_inner).len()
}

fn answer_to(question: &[u8], noted: &mut Vec<u8>) -> Value {
    let question: Value = match serde_json::from_slice(question) {
        Ok(question) => question,
        Err(error) => return json!({ "refused": format!("the question is no JSON: {error}") }),
    };
    if question["ask"] == "presets" {
        return presets::all();
    }
    let experiment = match Experiment::read(&question) {
        Ok(experiment) => experiment,
        Err(problems) => return json!({ "problems": problems }),
    };
    match question["ask"].as_str() {
        Some("run") => story::tell(&experiment, noted),
        Some("moment") => moment::at(&experiment, experiment::seconds(&question["at"])),
        Some("compare") => contenders::side_by_side(&experiment),
        Some("diagram") => {
            let from = experiment::seconds(&question["at"]);
            json!({ "svg": heartbeat::sim::diagram(&experiment.scenario, experiment.seed, Some(from)) })
        }
        _ => json!({ "refused": "ask for presets, run, moment, compare or diagram" }),
    }
}
