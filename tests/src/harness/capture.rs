//! Captures of what was on the wire, and tshark's opinion of what we sent.

use std::net::IpAddr;
use std::path::PathBuf;

use anyhow::{Result, ensure};

use super::lab::{Lab, Process, bounded};

/// A running capture of one host's `eth0`.
pub struct Capture {
    file: PathBuf,
    _tcpdump: Process,
}

impl Capture {
    /// Starts capturing BGP on `host`; returns when the capture is on.
    pub fn start(lab: &Lab, host: &str) -> Result<Self> {
        Self::of(lab, host, "tcp")
    }

    /// Starts capturing what passes tcpdump's `filter` on `host`; returns when the capture is on.
    pub fn of(lab: &Lab, host: &str, filter: &str) -> Result<Self> {
        let file = lab.dir().join(format!("{host}.pcap"));
        let path = file.to_string_lossy();
        let argv = ["tcpdump", "-i", "eth0", "-n", "-U", "--immediate-mode", "-Z", "root", "-w", &path];
        let tcpdump = lab.spawn(host, &format!("tcpdump-{host}"), &[&argv[..], &[filter]].concat(), &[])?;
        lab.eventually("the capture is on", 10.0, || {
            // The file's header is written once the socket is open.
            ensure!(std::fs::metadata(&file)?.len() >= 24, "no header yet");
            Ok(())
        })?;
        Ok(Self { file, _tcpdump: tcpdump })
    }

    /// tshark's fields of the packets that pass `filter`, one line each.
    pub fn fields(&self, filter: &str, fields: &[&str]) -> Result<Vec<String>> {
        let file = self.file.to_string_lossy();
        let mut argv = vec!["tshark", "-n", "-r", &file, "-Y", filter, "-T", "fields"];
        for field in fields {
            argv.extend(["-e", field]);
        }
        Ok(bounded(&argv)?.lines().map(str::to_owned).collect())
    }

    /// Makes sure that tshark decodes everything that `sender` sent, without a malformed mark or a reported error.
    pub fn is_clean_from(&self, senders: &[IpAddr]) -> Result<()> {
        let sources: Vec<String> = senders
            .iter()
            .map(|address| match address {
                IpAddr::V4(_) => format!("ip.src == {address}"),
                IpAddr::V6(_) => format!("ipv6.src == {address}"),
            })
            .collect();
        let from = sources.join(" || ");
        // TCP's own notes (a reset, a retransmission after a cut) are not about what we encoded.
        let filter = format!("({from}) && bgp && (_ws.malformed || _ws.expert.severity == 8388608)");
        let bad =
            self.fields(&filter, &["frame.number", "frame.time_relative", "bgp.type", "_ws.expert.message"])?;
        ensure!(bad.is_empty(), "tshark complains about {} frames that we sent: {bad:?}", bad.len());
        Ok(())
    }
}
