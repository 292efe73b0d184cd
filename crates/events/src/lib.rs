//! shim
pub mod audit {
    use assay_model::{Result, Timestamp};
    use assay_store::{Batch, Store};
    use serde_json::Value;
    use std::net::IpAddr;
    #[derive(Debug, Clone, Copy)]
    pub enum Action {
        AddGroupUser,
        DeleteGroupUser,
        AddGroupAdmin,
        DeleteGroupAdmin,
        AddGroupServiceAccount,
        DeleteGroupServiceAccount,
        CreateTenant,
        DeleteTenant,
        CreateUser,
        UpdateUser,
        DeleteUser,
        InviteUser,
        UpdateGroup,
        UpdateServiceAccount,
        CreateKey,
        ImportKey,
        UpdateKey,
        RotateKey,
        RestoreKey,
        RevokeKey,
        CreateTier,
        UpdateTier,
        DeleteTier,
        OpenRequest,
        GrantRequest,
        DeclineRequest,
        CreateWebhook,
        UpdateWebhook,
        DeleteWebhook,
        ReplayDelivery,
    }
    pub struct Deed {
        pub actor: String,
        pub key_id: Option<String>,
        pub address: Option<IpAddr>,
        pub action: Action,
        pub target: String,
        pub group: Option<String>,
        pub before: Value,
        pub after: Value,
    }
    pub async fn log(_s: &dyn Store, _b: &mut Batch, _d: Vec<Deed>, _n: Timestamp) -> Result<()> {
        Ok(())
    }
}
pub async fn announce(
    _s: &dyn assay_store::Store,
    _b: &mut assay_store::Batch,
    _e: &assay_model::event::Event,
    _r: &dyn assay_model::random::Random,
) -> assay_model::Result<()> {
    Ok(())
}
