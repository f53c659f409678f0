//! A LUKS header in the shape of `qemu-img info --output=json`: same keys, same values, same order.

use serde::ser::{Serialize, SerializeStruct, Serializer};

use super::{KeySlot, LuksInfo};
use crate::text;

impl LuksInfo {
    /// The same as the `encrypt` entry of a qcow2 image has it.
    pub fn within_qcow2(&self) -> impl Serialize + '_ {
        WithinQcow2(self)
    }

    /// The keys in QEMU's order; `format` stands among them inside qcow2 only.
    fn serialize_as<S: Serializer>(
        &self,
        serializer: S,
        format: Option<&'static str>,
    ) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("QCryptoBlockInfoLUKS", 11)?;
        map.serialize_field("ivgen-alg", self.ivgen_alg)?;
        // Of a header in a file of its own QEMU is told by options, never by the image.
        map.serialize_field("detached-header", &false)?;
        map.serialize_field("hash-alg", self.hash_alg)?;
        map.serialize_field("cipher-alg", self.cipher_alg)?;
        map.serialize_field("uuid", &*text::qemu(&self.uuid))?;
        if let Some(hash) = self.ivgen_hash_alg {
            map.serialize_field("ivgen-hash-alg", hash)?;
        }
        if let Some(format) = format {
            map.serialize_field("format", format)?;
        }
        map.serialize_field("cipher-mode", self.cipher_mode)?;
        map.serialize_field("slots", &self.slots)?;
        map.serialize_field("payload-offset", &self.payload_offset)?;
        map.serialize_field("master-key-iters", &self.master_key_iters)?;
        map.end()
    }
}

impl Serialize for LuksInfo {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.serialize_as(serializer, None)
    }
}

struct WithinQcow2<'a>(&'a LuksInfo);

impl Serialize for WithinQcow2<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize_as(serializer, Some("luks"))
    }
}

impl Serialize for KeySlot {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_struct("QCryptoBlockInfoLUKSSlot", 4)?;
        map.serialize_field("active", &self.key.is_some())?;
        if let Some(key) = self.key {
            map.serialize_field("iters", &key.iters)?;
        }
        map.serialize_field("key-offset", &self.key_offset)?;
        if let Some(key) = self.key {
            map.serialize_field("stripes", &key.stripes)?;
        }
        map.end()
    }
}
