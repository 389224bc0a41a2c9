//! A fake shop that runs scripted bulk operations, over plain sockets so that connections can break at any byte.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::{Value, json};
use shopify_client::bulk::BulkOptions;
use shopify_client::{Client, Endpoint, RetryPolicy, ShopClient, ShopDomain, StaticToken};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::AbortHandle;

use crate::bulk_catalog::Export;

pub(crate) const SECRET: &str = "signature-of-the-address";

/// The outcome of an attempt to start an operation.
#[derive(Debug, Clone)]
pub(crate) enum Start {
    UserError(&'static str),
    /// A response with `errors` of the code `ACCESS_DENIED`.
    Denied,
    /// The operation is started, but the connection breaks before the response.
    Lost,
    /// The operation is not started, and the connection breaks.
    Broken,
}

/// The outcome of a request for a file.
#[derive(Debug, Clone)]
pub(crate) enum Fetch {
    /// The connection breaks after this many bytes of the body.
    CutAfter(usize),
    Status(u16),
    /// The response is the whole file, whatever range was requested.
    WithoutRange,
    /// The file is truncated to this many bytes, with a matching length.
    Short(usize),
    /// Another version of the file.
    Changed,
}

#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: u64,
    pub(crate) query: String,
    pub(crate) grouped: bool,
    pub(crate) status: String,
    /// Its status at each poll.
    pub(crate) statuses: VecDeque<&'static str>,
    pub(crate) error_code: Option<&'static str>,
    /// The list that the query reads.
    pub(crate) list: String,
    pub(crate) canceled: bool,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) operations: Vec<Operation>,
    pub(crate) starts: VecDeque<Start>,
    /// The statuses of each new operation.
    pub(crate) statuses: Vec<&'static str>,
    pub(crate) error_code: Option<&'static str>,
    pub(crate) files: HashMap<String, Export>,
    pub(crate) file_size: Option<u64>,
    pub(crate) fetches: VecDeque<Fetch>,
    /// The nodes of the only page, by operation.
    pub(crate) pages: HashMap<&'static str, Vec<Value>>,
    pub(crate) count: u64,
    /// The names of the requested operations.
    pub(crate) requested_operations: Vec<String>,
    /// The `Range` of each request for a file.
    pub(crate) ranges: Vec<Option<String>>,
    /// Header lines of the requests for files.
    pub(crate) file_headers: Vec<String>,
    pub(crate) max_concurrent: usize,
    address: String,
}

pub(crate) struct Shop {
    pub(crate) state: Arc<Mutex<State>>,
    address: String,
    server: AbortHandle,
}

impl Drop for Shop {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// Settings for a shop that responds at once.
pub(crate) fn quick() -> BulkOptions {
    BulkOptions {
        marker: "test/app".to_owned(),
        initial_poll_interval: Duration::from_millis(1),
        max_poll_interval: Duration::from_millis(5),
        slot_timeout: Duration::from_millis(200),
        ..BulkOptions::default()
    }
}

impl Shop {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let state = Arc::new(Mutex::new(State {
            operations: Vec::new(),
            starts: VecDeque::new(),
            statuses: vec!["RUNNING", "COMPLETED"],
            error_code: None,
            files: HashMap::new(),
            file_size: None,
            fetches: VecDeque::new(),
            pages: HashMap::new(),
            count: 0,
            requested_operations: Vec::new(),
            ranges: Vec::new(),
            file_headers: Vec::new(),
            max_concurrent: 0,
            address: address.clone(),
        }));
        let shared = Arc::clone(&state);
        let server = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self {
            state,
            address,
            server: server.abort_handle(),
        }
    }

    /// A shop with a file of products.
    pub(crate) async fn with_products(export: Export) -> Self {
        let shop = Self::start().await;
        shop.state().files.insert("products".to_owned(), export);
        shop
    }

    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    pub(crate) fn client(&self, options: BulkOptions) -> ShopClient {
        let endpoint = format!("http://{}/{{shop}}", self.address);
        let retry = RetryPolicy {
            max_attempts: 3,
            initial_backoff: Duration::from_millis(1),
            max_backoff: Duration::from_millis(2),
            ..RetryPolicy::default()
        };
        let client = Client::builder()
            .endpoint(Endpoint::custom(&endpoint).unwrap())
            .retry(retry)
            .metafield_namespaces(["custom"])
            .bulk(options)
            .build()
            .unwrap();
        let domain = ShopDomain::parse("example").unwrap();
        client.shop(&domain, Arc::new(StaticToken::new("token".to_owned())))
    }

    /// Adds an operation that another program started.
    pub(crate) fn add(&self, query: &str, statuses: &[&'static str]) -> u64 {
        let mut state = self.state();
        state.statuses = statuses.to_vec();
        let id = state.begin(query, false);
        state.statuses = vec!["RUNNING", "COMPLETED"];
        id
    }
}

impl State {
    fn begin(&mut self, query: &str, grouped: bool) -> u64 {
        let id = 1 + self.operations.len() as u64;
        let list = if query.contains("gets: __typename") || query.contains("buys: __typename") {
            let side = if query.contains("gets:") {
                "gets"
            } else {
                "buys"
            };
            let list = ["productVariants {", "collections {", "products {"];
            let list = list.iter().find(|list| query.contains(**list)).unwrap();
            format!("{side} {}", list.trim_end_matches(" {"))
        } else {
            let root = query
                .lines()
                .find(|line| !line.starts_with('#') && line.trim().len() > 1);
            let root = root.unwrap().trim();
            root.split(['(', ' ']).next().unwrap().to_owned()
        };
        self.operations.push(Operation {
            id,
            query: query.to_owned(),
            grouped,
            status: "CREATED".to_owned(),
            statuses: self.statuses.iter().copied().collect(),
            error_code: self.error_code,
            list,
            canceled: false,
        });
        let running = |operation: &&Operation| !ended(&operation.status);
        let at_once = self.operations.iter().filter(running).count();
        self.max_concurrent = self.max_concurrent.max(at_once);
        id
    }

    fn to_json(&self, operation: &Operation) -> Value {
        let export = self.files.get(&operation.list);
        let done = operation.status == "COMPLETED";
        let export = export.filter(|_| done);
        let url = export.map(|_| {
            let list = operation.list.replace(' ', "-");
            format!("http://{}/files/{list}?Signature={SECRET}", self.address)
        });
        let size = export.map(|export| self.file_size.unwrap_or(export.text.len() as u64));
        let part = format!("http://{}/part?Signature={SECRET}", self.address);
        json!({
            "id": format!("gid://shopify/BulkOperation/{}", operation.id), "type": "QUERY",
            "status": operation.status, "errorCode": operation.error_code,
            "createdAt": "2026-11-01T00:00:00Z", "completedAt": null,
            "objectCount": export.map_or(0, |export| export.objects).to_string(),
            "rootObjectCount": export.map_or(0, |export| export.roots).to_string(),
            "fileSize": size.map(|size| size.to_string()), "url": url, "partialDataUrl": part,
            "query": operation.query,
        })
    }

    fn find(&self, number: u64) -> Value {
        let mut operations = self.operations.iter();
        let found = operations.find(|operation| operation.id == number);
        found.map_or(Value::Null, |operation| self.to_json(operation))
    }

    fn poll(&mut self, id: &str) -> Value {
        let number: u64 = id.rsplit('/').next().unwrap().parse().unwrap();
        let Some(place) = self.operations.iter().position(|it| it.id == number) else {
            return Value::Null;
        };
        let operation = &mut self.operations[place];
        if !operation.canceled
            && let Some(next) = operation.statuses.pop_front()
        {
            next.clone_into(&mut operation.status);
        }
        self.to_json(&self.operations[place])
    }

    /// The response to a GraphQL request; with `None`, the connection breaks.
    fn response(&mut self, request: &Value) -> Option<Value> {
        let name = request["operationName"].as_str().unwrap();
        self.requested_operations.push(name.to_owned());
        let variables = &request["variables"];
        let data = match name {
            "BulkOperationRun" => {
                let grouped = variables["grouped"].as_bool().unwrap();
                return self.run(variables["query"].as_str().unwrap(), grouped);
            }
            "BulkOperationById" => {
                json!({ "bulkOperation": self.poll(variables["id"].as_str().unwrap()) })
            }
            "BulkOperationsPage" => {
                let all = variables["query"].is_null();
                let wanted = |operation: &&Operation| all || !ended(&operation.status);
                let nodes: Vec<_> = self.operations.iter().rev().filter(wanted).collect();
                let nodes: Vec<_> = nodes.into_iter().map(|it| self.to_json(it)).collect();
                json!({ "bulkOperations": { "nodes": nodes, "pageInfo": { "hasNextPage": false } } })
            }
            "BulkOperationCancel" => {
                let id = variables["id"].as_str().unwrap();
                let number: u64 = id.rsplit('/').next().unwrap().parse().unwrap();
                let operation = self
                    .operations
                    .iter_mut()
                    .find(|it| it.id == number)
                    .unwrap();
                operation.canceled = true;
                "CANCELED".clone_into(&mut operation.status);
                let to_json = self.find(number);
                json!({ "bulkOperationCancel": { "bulkOperation": to_json, "userErrors": [] } })
            }
            "ProductsCount" => {
                json!({ "productsCount": { "count": self.count, "precision": "EXACT" } })
            }
            "CollectionsCount" => {
                json!({ "collectionsCount": { "count": self.count, "precision": "EXACT" } })
            }
            _ => {
                let nodes = self.pages.get(name).cloned().unwrap_or_default();
                json!({ "list": { "nodes": nodes, "pageInfo": { "hasNextPage": false, "endCursor": null } } })
            }
        };
        Some(json!({ "data": data }))
    }

    fn run(&mut self, query: &str, grouped: bool) -> Option<Value> {
        let rejection = |code: &str| {
            let errors = json!([{ "code": code, "field": ["query"], "message": "no" }]);
            json!({ "data": { "bulkOperationRunQuery": { "bulkOperation": null, "userErrors": errors } } })
        };
        match self.starts.pop_front() {
            Some(Start::UserError(code)) => Some(rejection(code)),
            Some(Start::Denied) => {
                let extensions = json!({ "code": "ACCESS_DENIED" });
                let message = "This app is not approved to run bulk operations.";
                Some(json!({ "errors": [{ "message": message, "extensions": extensions }] }))
            }
            Some(Start::Broken) => None,
            Some(Start::Lost) => {
                self.begin(query, grouped);
                None
            }
            None => {
                let running = self.operations.iter().filter(|it| !ended(&it.status));
                if running.count() >= 5 {
                    return Some(rejection("LIMIT_REACHED"));
                }
                let id = self.begin(query, grouped);
                let to_json = self.find(id);
                let started = json!({ "bulkOperation": to_json, "userErrors": [] });
                Some(json!({ "data": { "bulkOperationRunQuery": started } }))
            }
        }
    }
}

fn ended(status: &str) -> bool {
    ["COMPLETED", "FAILED", "CANCELED", "EXPIRED"].contains(&status)
}

async fn serve(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        stream
            .read_line(&mut line)
            .await
            .ok()
            .filter(|read| *read > 0)?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let value = |name: &str| {
        let named = head.iter().filter_map(|line| line.split_once(':'));
        let mut named = named.filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.next().map(|(_, value)| value.trim().to_owned())
    };
    let path = head.first()?.split(' ').nth(1)?.to_owned();
    if let Some(file) = path.strip_prefix("/files/") {
        let list = file.split('?').next()?.replace('-', " ");
        let (text, fault) = {
            let mut shop = state.lock().unwrap();
            shop.ranges.push(value("range"));
            shop.file_headers.extend(head.iter().skip(1).cloned());
            (
                shop.files.get(&list)?.text.clone(),
                shop.fetches.pop_front(),
            )
        };
        return send_file(&mut stream, text.as_bytes(), value("range"), fault).await;
    }
    let length: usize = value("content-length")?.parse().ok()?;
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.ok()?;
    let request: Value = serde_json::from_slice(&body).unwrap();
    let response = state.lock().unwrap().response(&request)?.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        response.len()
    );
    stream
        .write_all(format!("{head}{response}").as_bytes())
        .await
        .ok()
}

async fn send_file(
    stream: &mut BufReader<TcpStream>,
    text: &[u8],
    range: Option<String>,
    fault: Option<Fetch>,
) -> Option<()> {
    let text = match fault {
        Some(Fetch::Short(length)) => &text[..length],
        _ => text,
    };
    if let Some(Fetch::Status(status)) = fault {
        let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: 0\r\n\r\n");
        return stream.write_all(head.as_bytes()).await.ok();
    }
    let begin = range.and_then(|range| {
        let range = range.strip_prefix("bytes=")?.strip_suffix('-')?;
        range.parse::<usize>().ok()
    });
    let begin = begin.filter(|_| !matches!(fault, Some(Fetch::WithoutRange)));
    let tag = if matches!(fault, Some(Fetch::Changed)) {
        "two"
    } else {
        "one"
    };
    let (first, body) = match begin {
        Some(begin) => {
            let (last, all) = (text.len() - 1, text.len());
            let range = format!("206 Partial Content\r\ncontent-range: bytes {begin}-{last}/{all}");
            (range, &text[begin..])
        }
        None => ("200 OK".to_owned(), text),
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {first}\r\netag: \"{tag}\"\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    let sent = match fault {
        Some(Fetch::CutAfter(length)) => &body[..length.min(body.len())],
        _ => body,
    };
    stream.write_all(sent).await.ok()?;
    stream.flush().await.ok()
}
