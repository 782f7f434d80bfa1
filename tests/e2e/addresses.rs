//! What the kernel of a host says about an address.

use holdover_tests::harness::{Context as _, Lab, Result, ensure};
use serde_json::Value;

/// The kernel's entry of `prefix` on `host`, with the interface's name as `dev`.
pub(crate) fn entry(lab: &Lab, host: &str, prefix: &str) -> Result<Option<Value>> {
    let all = lab.json(host, &["ip", "-j", "-d", "addr", "show"])?;
    for link in all.as_array().context("no list")? {
        for address in link["addr_info"].as_array().context("no addresses")? {
            let text = format!("{}/{}", address["local"].as_str().unwrap_or(""), address["prefixlen"]);
            if text == prefix {
                let mut address = address.clone();
                address["dev"] = link["ifname"].clone();
                return Ok(Some(address));
            }
        }
    }
    Ok(None)
}

/// Ok when `host` has `prefix` on `device`.
pub(crate) fn present(lab: &Lab, host: &str, device: &str, prefix: &str) -> Result<()> {
    let found = entry(lab, host, prefix)?.with_context(|| format!("{host} does not have {prefix}"))?;
    ensure!(found["dev"] == device, "{prefix} is elsewhere: {found}");
    Ok(())
}

/// Ok when no interface of `host` has `prefix`.
pub(crate) fn absent(lab: &Lab, host: &str, prefix: &str) -> Result<()> {
    let found = entry(lab, host, prefix)?;
    ensure!(found.is_none(), "{host} still has it: {found:?}");
    Ok(())
}
