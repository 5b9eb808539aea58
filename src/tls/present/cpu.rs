//! Whether this processor has what graviola needs. It would panic otherwise, at the first handshake.

/// The instructions, by what Linux calls them in /proc/cpuinfo.
#[cfg(target_arch = "x86_64")]
fn needed() -> [(&'static str, bool); 6] {
    [
        ("aes", is_x86_feature_detected!("aes")),
        ("pclmulqdq", is_x86_feature_detected!("pclmulqdq")),
        ("bmi1", is_x86_feature_detected!("bmi1")),
        ("adx", is_x86_feature_detected!("adx")),
        ("avx", is_x86_feature_detected!("avx")),
        ("avx2", is_x86_feature_detected!("avx2")),
    ]
}

#[cfg(target_arch = "aarch64")]
fn needed() -> [(&'static str, bool); 4] {
    use std::arch::is_aarch64_feature_detected;
    [
        ("asimd", is_aarch64_feature_detected!("neon")),
        ("aes", is_aarch64_feature_detected!("aes")),
        ("pmull", is_aarch64_feature_detected!("pmull")),
        ("sha2", is_aarch64_feature_detected!("sha2")),
    ]
}

/// Whether TLS can be had, and why not.
pub(crate) fn available() -> Result<(), String> {
    check(&needed())
}

fn check(needed: &[(&str, bool)]) -> Result<(), String> {
    let missing: Vec<&str> = needed.iter().filter(|(_, has)| !has).map(|(name, _)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!(
        "TLS needs a processor with {}, and this one lacks {}: use another host, or a proxy that speaks TLS",
        needed.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
        missing.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        assert_eq!(check(&[("aes", true), ("avx", true)]), Ok(()));
        assert_eq!(
            check(&[("aes", true), ("avx", false), ("adx", false)]).unwrap_err(),
            "TLS needs a processor with aes, avx, adx, and this one lacks avx, adx: use another host, or a proxy that \
             speaks TLS"
        );
    }
}
