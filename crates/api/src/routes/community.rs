//! Rows of what people say and write: comments, votes, search, and the objects of `authored`. Those of a kind follow from
//! the tables `community::items` and `authored::AUTHORED`.

use assay_model::privilege::Privilege;
use assay_model::{Code, Kind};
use axum::http::Method;

use super::{Action, PREFIX};
use crate::authored::sharing::{self, Sharing};
use crate::authored::{AUTHORED, Authored, aggregations, change, export, listing, members, search as within, tree};
use crate::community::items::ITEMS;
use crate::community::{categories, comments, search, votes};
use crate::objects::serve;
use crate::route::{Access, Answers, Arguments, Cost, Handler, Route, Takes, any};
use crate::widget;

const CHANGE: &[Code] = &[Code::NotFound, Code::Forbidden, Code::TooLarge];
const MAKE: &[Code] = &[Code::NotFound, Code::Forbidden, Code::AlreadyExists, Code::TooLarge];
const ONE: &[Code] = &[Code::NotFound];
const FEED: &[(&str, &str)] = &[
    ("filter", "tag:NAME"),
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
];
const SEARCH: &[(&str, &str)] = &[
    ("query", "A hash, URL, domain, IP address or id; #tag; or words of comments"),
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
];
const LISTED: &[(&str, &str)] = &[
    ("filter", "Words and field:value, with AND, OR, NOT and parentheses"),
    ("order", "A field, with + or - behind it"),
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
    ("attributes", "Names of the only attributes to show, separated by commas"),
    ("relationships", "Names of relationships to show inside the object, separated by commas"),
];
const WITHIN: &[(&str, &str)] = &[
    ("query", "Words and modifier:value as Intelligence has them; entity:url, domain or ip where files are not meant"),
    ("order", "One of meta.allowed_orders, with + or - behind it"),
    ("limit", "Items on a page, 1 to 40; 10 where it is not said"),
    ("cursor", "Where the page starts: meta.cursor of the page before"),
    ("attributes", "Names of the only attributes to show, separated by commas"),
    ("relationships", "Names of relationships to show inside the object, separated by commas"),
];
const WIDGET: &[(&str, &str)] = &[
    ("query", "A hash, URL, domain or IP address"),
    ("fg1", "Colour of the text, hexadecimal without #"),
    ("bg1", "Colour of the background"),
    ("bg2", "Colour of the background of rows"),
    ("bd1", "Colour of borders"),
];
const NO_QUERY: &[(&str, &str)] = &[];

/// A row before it is one: method, path, operation and summary.
type Name = (Method, String, String, String);

/// Every row, in the order of the documentation.
pub(super) fn rows() -> Vec<Route> {
    let mut rows = fixed();
    rows.extend(ITEMS.iter().flat_map(|item| of_item(item.kind, item.voted.is_some())));
    rows.extend(AUTHORED.iter().copied().flat_map(of_authored));
    rows
}

fn route((method, path, operation, summary): Name, takes: Takes, answers: Answers, run: Handler) -> Route {
    Route {
        method,
        path: format!("{PREFIX}{path}"),
        operation,
        summary,
        access: Access::Key,
        role: None,
        feature: None,
        cost: Cost::Requests(1),
        takes,
        answers,
        errors: CHANGE,
        query: NO_QUERY,
        object: None,
        relationship: None,
        check: any,
        run,
    }
}

fn list_shape(arguments: &Arguments) -> assay_model::Result<()> {
    serve::limit(arguments).map(drop)
}

fn fixed() -> Vec<Route> {
    let rows = [
        Action {
            answers: Answers::Objects(Kind::Comment.wire()),
            query: FEED,
            check: list_shape,
            ..Action::get("/comments", "comments_list", "The latest comments", |call| Box::pin(comments::feed(call)))
        },
        Action {
            row: (Method::DELETE, "/comments/{id}"),
            cost: Cost::Free,
            answers: Answers::Done,
            errors: CHANGE,
            ..Action::get("", "comments_delete", "Remove a comment; for its author", |call| {
                Box::pin(comments::delete(call))
            })
        },
        Action {
            row: (Method::POST, "/comments/{id}/vote"),
            takes: Takes::Document,
            errors: CHANGE,
            ..Action::get("", "comments_vote", "Call a comment positive, negative or abuse", |call| {
                Box::pin(comments::vote(call))
            })
        },
        Action {
            answers: Answers::Objects("item"),
            query: SEARCH,
            check: search::check,
            ..Action::get("/search", "search", "Whatever a word names, and comments", |call| {
                Box::pin(search::get(call))
            })
        },
        Action {
            cost: Cost::Free,
            answers: Answers::Words,
            ..Action::get(
                "/popular_threat_categories",
                "popular_threat_categories",
                "Words for what threats do",
                |_| Box::pin(std::future::ready(Ok(categories::get()))),
            )
        },
    ];
    let mut rows: Vec<_> = rows.into_iter().map(Action::route).collect();
    rows.extend(widgets());
    rows.extend(of_collections());
    rows
}

/// The widget, its page under both addresses.
fn widgets() -> Vec<Route> {
    let url = Action {
        query: WIDGET,
        check: widget::check,
        ..Action::get(
            "/widget/url",
            "widget_url",
            "An address that shows what is known of an object, for three days",
            |call| Box::pin(widget::url(call)),
        )
    };
    let page = |operation: &'static str| Action {
        access: Access::Open,
        cost: Cost::Free,
        answers: Answers::Page,
        ..Action::get("/widget/html/{token}", operation, "What is known of an object, for a frame", |call| {
            Box::pin(widget::page(call))
        })
    };
    let beside = Route { path: "/ui/widget/html/{token}".to_owned(), ..page("widget_html_ui").route() };
    vec![url.route(), page("widget_html").route(), beside]
}

/// What only collections and graphs have, and the empty list of threat actors.
fn of_collections() -> Vec<Route> {
    let premium = Access::Needs(Privilege::Private);
    let (collection, graph) = (crate::objects::of(Kind::Collection), crate::objects::of(Kind::Graph));
    let row = |path: String, operation: String, summary: &str, answers: Answers, run: Handler| Route {
        access: premium,
        object: collection,
        errors: ONE,
        ..route((Method::GET, path, operation, summary.to_owned()), Takes::Nothing, answers, run)
    };
    let mut rows = vec![
        row(
            "/collections/{id}/download/{format}".to_owned(),
            "collections_download".to_owned(),
            "All of a collection as json, csv or stix",
            Answers::Document,
            |call| Box::pin(export::all(call)),
        ),
        row(
            "/collections/{id}/aggregations/download/{format}".to_owned(),
            "collections_aggregations_download".to_owned(),
            "What the newest 500 objects of each kind in a collection have in common, as json or csv",
            Answers::Document,
            |call| Box::pin(aggregations::download(call)),
        ),
        Route {
            query: WITHIN,
            check: within::check,
            ..row(
                "/collections/{id}/search".to_owned(),
                "collections_search".to_owned(),
                "The known items of a collection that a query describes",
                Answers::Objects("item"),
                |call| Box::pin(within::get(call)),
            )
        },
        row(
            "/collections/{id}/mitre_tree".to_owned(),
            "collections_mitre_tree".to_owned(),
            "The techniques of a collection under their tactics",
            Answers::Dictionary,
            |call| Box::pin(tree::get(call)),
        ),
        Route {
            access: Access::Key,
            object: graph,
            ..row(
                "/graphs/{id}/screenshot".to_owned(),
                "graphs_screenshot".to_owned(),
                "A picture of a graph; this server draws none",
                Answers::Bytes,
                |call| Box::pin(change::screenshot(call)),
            )
        },
        Route {
            object: None,
            query: LISTED,
            check: list_shape,
            ..row(
                "/threat_actors".to_owned(),
                "threat_actors_list".to_owned(),
                "Threat actors; this server curates none",
                Answers::Objects("threat_actor"),
                |call| Box::pin(async move { Ok(listing::nothing(&call)) }),
            )
        },
    ];
    for membership in crate::objects::collection::MEMBERS {
        let name = membership.name;
        rows.push(row(
            format!("/collections/{{id}}/{name}/download/{{format}}"),
            format!("collections_{name}_download"),
            "One relationship of a collection as json, csv or stix",
            Answers::Document,
            |call| Box::pin(export::one(call)),
        ));
    }
    rows
}

/// What people say about objects of a kind.
fn of_item(kind: Kind, voted: bool) -> Vec<Route> {
    let collection = kind.collection();
    let object = crate::objects::of(kind);
    let row = |list: &str, what: &str, answers: Kind, errors: &'static [Code], run: Handler| Route {
        errors,
        object,
        ..route(
            (
                Method::POST,
                format!("/{collection}/{{id}}/{list}"),
                format!("{collection}_{list}_create"),
                what.to_owned(),
            ),
            Takes::Document,
            Answers::Object(answers.wire()),
            run,
        )
    };
    let mut rows =
        vec![row("comments", "Say something about it", Kind::Comment, CHANGE, |call| Box::pin(comments::create(call)))];
    if voted {
        rows.push(row("votes", "Call it harmless or malicious; once", Kind::Vote, MAKE, |call| {
            Box::pin(votes::create(call))
        }));
    }
    rows
}

/// How objects of a written type are made, changed, removed, listed, filled and shared.
fn of_authored(row: &'static Authored) -> Vec<Route> {
    let (kind, collection) = (row.kind.wire(), row.kind.collection());
    let name = |method: Method, tail: &str, operation: &str, summary: &str| -> Name {
        (method, format!("/{collection}{tail}"), format!("{collection}_{operation}"), summary.to_owned())
    };
    let object_type = crate::objects::of(row.kind);
    let needs = object_type.and_then(|object| object.needs);
    // Collections are for everybody, the list of all of them is not.
    let listed = if row.kind == Kind::Collection { Some(Privilege::Private) } else { needs };
    let access = |privilege: Option<Privilege>| privilege.map_or(Access::Key, Access::Needs);
    let object = Answers::Object(kind);
    let mut rows = vec![
        Route {
            access: access(listed),
            query: LISTED,
            errors: &[],
            check: list_shape,
            ..route(
                name(Method::GET, "", "list", "Those that the caller may see, newest first"),
                Takes::Nothing,
                Answers::Objects(kind),
                |call| Box::pin(listing::list(call)),
            )
        },
        Route {
            errors: MAKE,
            ..route(name(Method::POST, "", "create", "Make one"), Takes::Document, object, |call| {
                Box::pin(change::create(call))
            })
        },
        route(
            name(Method::PATCH, "/{id}", "update", "Change one; for its owner and editors"),
            Takes::Document,
            object,
            |call| Box::pin(change::update(call)),
        ),
        route(
            name(Method::DELETE, "/{id}", "delete", "Remove one; for its owner"),
            Takes::Nothing,
            Answers::Done,
            |call| Box::pin(change::delete(call)),
        ),
    ];
    for membership in row.members {
        let part = membership.name;
        rows.push(route(
            name(Method::POST, &format!("/{{id}}/{part}"), &format!("{part}_add"), "Put objects in"),
            Takes::Document,
            Answers::OneDescriptor,
            |call| Box::pin(members::put_in(call)),
        ));
        rows.push(route(
            name(
                Method::DELETE,
                &format!("/{{id}}/{part}"),
                &format!("{part}_remove"),
                "Take objects out; the body names them",
            ),
            Takes::Document,
            Answers::OneDescriptor,
            |call| Box::pin(members::take_out(call)),
        ));
    }
    if row.sharing != Sharing::Never {
        rows.extend(["viewers", "editors"].into_iter().flat_map(|list| of_sharing(&name, list)));
    }
    for row in &mut rows {
        row.object = object_type;
    }
    for row in &mut rows[1..] {
        row.access = access(needs);
        // Saving a graph is free at VirusTotal, and so is removing anything.
        if row.method == Method::DELETE || row.path.contains("/graphs") || row.path.contains("/saved_searches") {
            row.cost = Cost::Free;
        }
    }
    if row.kind == Kind::SavedSearch {
        rows[0].cost = Cost::Free;
    }
    rows
}

/// Viewers and editors, under each of the paths that clients use.
fn of_sharing(name: &dyn Fn(Method, &str, &str, &str) -> Name, list: &str) -> Vec<Route> {
    let mut rows = Vec::new();
    for (path, operation) in [("", ""), ("relationships/", "relationships_"), ("relationship/", "relationship_")] {
        let (path, operation) = (format!("/{{id}}/{path}{list}"), format!("{operation}{list}"));
        let (grant, revoke) = (format!("{operation}_add"), format!("{operation}_remove"));
        rows.push(route(
            name(Method::POST, &path, &grant, "Share it"),
            Takes::Document,
            Answers::Objects("user_or_group"),
            |call| Box::pin(sharing::grant(call)),
        ));
        rows.push(route(
            name(Method::DELETE, &path, &revoke, "Share it no more; the body names with whom"),
            Takes::Document,
            Answers::Done,
            |call| Box::pin(sharing::revoke(call)),
        ));
    }
    let path = format!("/{{id}}/relationships/{list}/{{member}}");
    let is = format!("relationships_{list}_member");
    rows.push(Route {
        errors: ONE,
        ..route(
            name(Method::GET, &path, &is, "Whether it is shared with a user or group"),
            Takes::Nothing,
            Answers::Truth,
            |call| Box::pin(sharing::is_granted(call)),
        )
    });
    let gone = format!("relationships_{list}_member_remove");
    rows.push(route(
        name(Method::DELETE, &path, &gone, "Share it no more with a user or group"),
        Takes::Nothing,
        Answers::Done,
        |call| Box::pin(sharing::revoke(call)),
    ));
    rows
}
