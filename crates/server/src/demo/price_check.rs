//! Checks that a price change reaches the snapshot, for `shopsync demo --once`.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use serde_json::Value;
use sync_core::Outcome;
use sync_core::progress::Event;
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::environment::DemoEnvironment;
use super::install::http_client;
use super::instructions::{PriceChange, change_price};
use crate::adapters::snapshot_key;
use crate::terminal::{CommandError, print_line};

/// How long to wait before the check fails. It takes about a second; a busy machine may take longer.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// Changes a price with the same request as the printed command, and waits until the snapshot shows it.
pub(super) async fn run(demo: &DemoEnvironment) -> Result<(), CommandError> {
    let change = change_price(demo, "1234.50")?;
    let price = change.body["price"].as_str().unwrap_or_default();
    let mut events = demo.service.run_events.subscribe();
    let began = Instant::now();
    send(&change).await?;
    let published = tokio::time::timeout(
        TIME_LIMIT,
        wait_for_price(demo, &change, price, &mut events),
    )
    .await;
    let generation = published.map_err(|_| {
        CommandError::failed(format!(
            "the snapshot does not show the price of {} {} s after it was changed to {price}",
            change.title,
            TIME_LIMIT.as_secs(),
        ))
        .with_remedy("check the log: `shopsync demo --once --log info`")
    })??;
    print_line("");
    print_line(format_args!(
        "The price of \"{}\" was changed from {} to {price}: published generation {generation}, {:.1} s after the change.",
        change.title,
        change.before,
        began.elapsed().as_secs_f64(),
    ));
    Ok(())
}

async fn send(change: &PriceChange) -> Result<(), CommandError> {
    let request = http_client()?
        .put(&change.url)
        .header(CONTENT_TYPE, "application/json")
        .body(change.body.to_string());
    let sent = request
        .send()
        .await
        .and_then(reqwest::Response::error_for_status);
    sent.map_err(|error| {
        CommandError::failed("the simulator rejected the price change").with_cause(error)
    })?;
    Ok(())
}

/// Waits until the published document has the price, and returns its generation.
async fn wait_for_price(
    demo: &DemoEnvironment,
    change: &PriceChange,
    price: &str,
    events: &mut Receiver<std::sync::Arc<Event>>,
) -> Result<u64, CommandError> {
    loop {
        let generation = match events.recv().await {
            Ok(event) => match event.finished().map(|report| &report.outcome) {
                Some(Outcome::Published { generation, .. }) => *generation,
                _ => continue,
            },
            Err(RecvError::Lagged(_)) => continue,
            Err(RecvError::Closed) => return Err(CommandError::failed("the service has ended")),
        };
        if prices(&document(demo).await?, change.product).all(|shown| shown == price) {
            return Ok(generation);
        }
    }
}

/// Reads the document over S3.
async fn document(demo: &DemoEnvironment) -> Result<Value, CommandError> {
    let unreadable = |what: &str| CommandError::failed(format!("the snapshot {what}"));
    let key = snapshot_key(&demo.domain)
        .map_err(|error| CommandError::from_port(&error, &demo.domain))?;
    let stored = demo.service.store.read(&key).await;
    let stored = stored.map_err(|error| unreadable("cannot be read").with_cause(error))?;
    let bytes = stored
        .ok_or_else(|| unreadable("is missing from the Space"))?
        .into_vec()
        .await;
    let bytes = bytes.map_err(|error| unreadable("cannot be read").with_cause(error))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| unreadable("is not valid JSON").with_cause(error))
}

/// Returns the prices of a product's variants in the document; an empty price if the product is missing, which equals no
/// real price.
fn prices(document: &Value, product: u64) -> impl Iterator<Item = &str> {
    let id = format!("gid://shopify/Product/{product}");
    let products = document["data"]["products"]["edges"].as_array();
    let nodes = products.into_iter().flatten().map(|edge| &edge["node"]);
    let found = nodes
        .filter(move |node| node["id"] == *id)
        .flat_map(|node| {
            let variants = node["variants"]["edges"].as_array();
            variants.into_iter().flatten()
        });
    let mut prices = found
        .map(|edge| edge["node"]["price"].as_str().unwrap_or_default())
        .peekable();
    let none = prices.peek().is_none().then_some("");
    prices.chain(none)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn prices_are_those_of_the_product_only() {
        let product = |id: u64, prices: &[&str]| {
            let variants: Vec<_> = prices
                .iter()
                .map(|price| json!({"node": {"price": price}}))
                .collect();
            json!({"node": {"id": format!("gid://shopify/Product/{id}"), "variants": {"edges": variants}}})
        };
        let document = json!({"data": {"products": {"edges": [
            product(1, &["1.00", "2.00"]), product(11, &["3.00"]),
        ]}}});
        let of = |id| prices(&document, id).collect::<Vec<_>>();
        assert_eq!(of(1), ["1.00", "2.00"]);
        assert_eq!(of(11), ["3.00"]);
        assert_eq!(of(2), [""]);
    }
}
