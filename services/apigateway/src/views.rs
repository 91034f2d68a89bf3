//! What is served, in memory: for each API its stages with their routes in the order they are tried, so
//! that a request scans nothing.

use crate::rules::cors::Cors;
use crate::rules::route_keys::RouteKey;
use crate::state::{self, Authorization, Authorizer, Integration, Route, SERVED, Served, Stage};
use names::Scope;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use store::{Change, Fault, Incarnation, Snapshot, TableId, View};

/// A route that is served.
#[derive(Debug)]
pub struct Serving {
    /// The route.
    pub route: Route,
    /// Where it leads.
    pub integration: Option<Integration>,
    /// Who decides whom it lets in.
    pub authorizer: Option<Authorizer>,
    key: RouteKey,
}

/// A stage that is served.
#[derive(Debug)]
pub struct ServedStage {
    /// The stage.
    pub stage: Stage,
    /// Who may call it from a web page.
    pub cors: Option<Cors>,
    routes: Vec<Arc<Serving>>,
}

impl ServedStage {
    /// The route that a request takes, and its path parameters.
    pub fn route(&self, method: &str, path: &str) -> Option<(Arc<Serving>, BTreeMap<String, String>)> {
        self.routes.iter().find_map(|serving| Some((serving.clone(), serving.key.matches(method, path)?)))
    }
}

fn prepared(served: Served) -> Arc<ServedStage> {
    let content = served.content;
    let routes = content.routes.into_iter().filter_map(|route| {
        // A key that was let in is read again without fail.
        let key = RouteKey::parse(&route.key).ok()?;
        let of_id = |id: &String| content.integrations.iter().find(|one| one.id == *id).cloned();
        let integration = route.integration.as_ref().and_then(of_id);
        let authorizer = match &route.authorization {
            Authorization::Open => None,
            Authorization::Custom(id) | Authorization::Jwt(id, _) => {
                content.authorizers.iter().find(|one| one.id == *id).cloned()
            }
        };
        Some(Arc::new(Serving { route, integration, authorizer, key }))
    });
    let mut routes: Vec<Arc<Serving>> = routes.collect();
    routes.sort_by(|a, b| a.key.precedence(&b.key).then_with(|| a.route.key.cmp(&b.route.key)));
    Arc::new(ServedStage { stage: served.stage, cors: content.cors, routes })
}

/// The stages of an API by their names.
pub struct Stages;

impl View for Stages {
    type Key = (Scope, Incarnation);
    type Slice = HashMap<String, Arc<ServedStage>>;

    fn name(&self) -> &'static str {
        "apigateway-stages"
    }

    fn tables(&self) -> Vec<TableId> {
        vec![SERVED.id()]
    }

    fn slice_of(&self, change: &Change) -> Option<Self::Key> {
        let (scope, (api, _), _) = change.of(&SERVED)?;
        Some((scope, api))
    }

    fn load(&self, (scope, api): &Self::Key, read: &Snapshot) -> Result<Self::Slice, Fault> {
        state::served(read, scope, *api)
            .map(|served| served.map(|served| (served.stage.name.clone(), prepared(served))))
            .collect()
    }

    fn apply(&self, stages: &mut Self::Slice, change: &Change) {
        match change.of(&SERVED) {
            Some((_, (_, name), Some(served))) => drop(stages.insert(name, prepared(served))),
            Some((_, (_, name), None)) => drop(stages.remove(&name)),
            None => {}
        }
    }
}
