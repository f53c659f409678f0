//! How paths reach the storage: as `multipathd show paths raw format "%d|%m|%P"` says it, or as the
//! names of ports let it be known.

use std::collections::BTreeMap;

use super::reply::Path;
use crate::codes::codes;

codes! {
    /// A transport, by the word that multipathd has for it behind `scsi:` or `nvme:`.
    pub enum Transport {
        /// Fibre Channel.
        Fc = "fc",
        /// iSCSI.
        Iscsi = "iscsi",
        /// SAS.
        Sas = "sas",
        /// NVMe over TCP.
        Tcp = "tcp",
        /// NVMe over RDMA.
        Rdma = "rdma",
        /// SCSI over RDMA.
        Srp = "srp",
        /// Fibre Channel over Ethernet adapters that say so.
        Fcoe = "fcoe",
        /// USB.
        Usb = "usb",
        /// ATA.
        Ata = "ata",
    }
}

impl Transport {
    /// The transport of a protocol such as `scsi:fcp`. None if it says nothing (`scsi:unspec`).
    pub fn from_protocol(protocol: &str) -> Option<Self> {
        let (_, word) = protocol.split_once(':')?;
        match word {
            "fcp" => Some(Transport::Fc),
            word => Self::from_name(word.as_bytes()),
        }
    }

    /// The transport of that name.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        let mut known = Self::ALL.iter().copied();
        known.find(|transport| transport.name().as_bytes() == name)
    }
}

/// The transports of the maps in the reply to `show paths raw format "%d|%m|%P"`: by the name of the
/// map. Maps whose paths have several are left out.
pub fn transports(reply: &str) -> BTreeMap<String, Transport> {
    let mut all: BTreeMap<String, Option<Transport>> = BTreeMap::new();
    for line in reply.lines() {
        let mut words = line.split('|').map(str::trim);
        let (Some(_), Some(map), Some(protocol)) = (words.next(), words.next(), words.next())
        else {
            continue;
        };
        let transport = Transport::from_protocol(protocol);
        all.entry(map.to_owned())
            .and_modify(|known| *known = known.filter(|known| Some(*known) == transport))
            .or_insert(transport);
    }
    let known = all.into_iter();
    known
        .filter_map(|(map, transport)| Some((map, transport?)))
        .collect()
}

impl Path {
    /// The transport as far as the names of the ports tell it.
    pub fn transport(&self) -> Option<Transport> {
        let is_port = |name: &str| {
            let digits = name.strip_prefix("0x").unwrap_or(name);
            digits.len() == 16 && digits.bytes().all(|b| b.is_ascii_hexdigit())
        };
        if self.target_wwnn.starts_with("iqn.") || self.target_wwnn.starts_with("eui.") {
            Some(Transport::Iscsi)
        } else if is_port(&self.host_wwpn) {
            Some(Transport::Fc)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_has_the_transport_that_all_of_its_paths_have() {
        let reply = "sda|mpatha|scsi:fcp\nsdb|mpatha|scsi:fcp\nsdc|b|scsi:iscsi\nsdd|b|scsi:sas\n\
                     sde|c|scsi:unspec\nnonsense\nnvme0n1|d|nvme:tcp\n";
        let found: Vec<_> = transports(reply).into_iter().collect();
        assert_eq!(
            found,
            [
                ("d".into(), Transport::Tcp),
                ("mpatha".into(), Transport::Fc)
            ]
        );
    }

    #[test]
    fn ports_have_names_of_their_transport() {
        let of = |wwnn: &str, wwpn: &str| {
            let path = Path {
                target_wwnn: wwnn.into(),
                host_wwpn: wwpn.into(),
                ..Path::default()
            };
            path.transport()
        };
        assert_eq!(of("iqn.2004-04.com.x:y", "[undef]"), Some(Transport::Iscsi));
        assert_eq!(
            of("0x20000025b5000001", "0x20000025b5a00001"),
            Some(Transport::Fc)
        );
        assert_eq!(of("[undef]", "[undef]"), None);
    }
}
