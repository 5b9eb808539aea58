//! The same schedule with other detectors.

use std::time::Duration;

use heartbeat::baselines::Opinion;
use heartbeat::sim::{self, Contender, Quality};
use serde_json::{Value, json};

use crate::experiment::Experiment;

pub(crate) fn side_by_side(experiment: &Experiment) -> Value {
    let mut rows = Vec::new();
    for contender in Contender::ALL {
        match sim::compare(contender, &experiment.scenario, experiment.seed) {
            Ok(compared) => rows.push(json!({
                "name": contender.as_str(), "suspicion": figures(&compared.suspicion),
                "verdict": compared.verdict.as_ref().map(figures),
                "changes": compared.changes.iter().map(|change| {
                    json!([change.at.as_secs_f64(), change.observer.0, change.subject.0, word(change.opinion)])
                }).collect::<Vec<_>>(),
            })),
            Err(why) => return json!({ "refused": why.to_string() }),
        }
    }
    json!({ "contenders": rows })
}

fn word(opinion: Opinion) -> &'static str {
    match opinion {
        Opinion::Trusted => "trusted",
        Opinion::Suspected => "suspected",
        Opinion::Down => "down",
    }
}

fn figures(quality: &Quality) -> Value {
    json!({
        "detections": quality.detections.len(), "missed": quality.missed, "mistakes": quality.mistakes,
        "detection": quality.detection_mean().map(seconds), "detection_max": quality.detection_max().map(seconds),
        "mistake": quality.mistake_duration().map(seconds), "accuracy": quality.accuracy(),
    })
}

fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
