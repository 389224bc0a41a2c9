//! Starts the demo's processes and records their addresses.

use std::fs::File;
use std::io::{BufReader, ErrorKind};
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};

use shopify_sim::{BucketSize, CatalogSpec, ShopControl, SimApp, Simulator};
use spaces_store::EmbeddedS3;
use sync_core::ShopDomain;
use tempfile::TempDir;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::Arguments;
use super::variables::{
    Variables, random_hex, service_variables, settings, space_variables, value, write_env,
};
use crate::app::Application;
use crate::logging;
use crate::service::{Overrides, Service};
use crate::settings::Settings;
use crate::terminal::text::document_key;
use crate::terminal::{CommandError, print_error};

/// The simulated shop's name.
pub(super) const SHOP: &str = "demo";

/// The name of the bucket.
const BUCKET: &str = "space";

/// The API budget of a shop on the Shopify Plus plan. With that of the smallest plan, a scan of a large catalogue takes ten
/// times as long.
const SHOPIFY_PLUS: BucketSize = BucketSize {
    maximum: 20_000.0,
    restore_rate: 1_000.0,
};

/// The running demo.
pub(super) struct DemoEnvironment {
    pub(super) domain: ShopDomain,
    /// The simulated shop.
    pub(super) shop: ShopControl,
    pub(super) service: Service,
    /// The base URL of the service.
    pub(super) address: Url,
    pub(super) settings: Settings,
    simulator: Simulator,
    s3: EmbeddedS3,
    folder: DemoFolder,
    stopping: CancellationToken,
    running: Mutex<JoinHandle<std::io::Result<()>>>,
}

/// The folder with all files of the demo.
enum DemoFolder {
    /// Deleted when it is dropped.
    Temporary(TempDir),
    Persistent(PathBuf),
}

impl DemoFolder {
    fn path(&self) -> &Path {
        match self {
            Self::Temporary(folder) => folder.path(),
            Self::Persistent(folder) => folder,
        }
    }
}

/// The snapshot that was published last.
pub(super) struct PublishedSnapshot {
    pub(super) generation: u64,
    pub(super) bytes: u64,
}

/// Returns the catalogue of the shop: the products of an export, or generated ones.
pub(super) fn catalog_spec(
    export: Option<&Path>,
    products: u64,
) -> Result<CatalogSpec, CommandError> {
    let Some(path) = export else {
        return Ok(CatalogSpec {
            products: usize::try_from(products).unwrap_or(usize::MAX),
            ..CatalogSpec::default()
        });
    };
    let file = File::open(path).map_err(|error| {
        CommandError::usage(format!("cannot read {}", path.display())).with_cause(error)
    })?;
    CatalogSpec::from_csv(BufReader::new(file)).map_err(|error| {
        CommandError::usage(format!("{} is not a valid product export", path.display()))
            .with_cause(error)
            .with_remedy(
                "fix that line, or export again in the shop's admin: Products, Export, CSV",
            )
    })
}

impl DemoEnvironment {
    /// Starts the S3 server, the simulator and, last, the service.
    pub(super) async fn start(
        arguments: &Arguments,
        catalog: CatalogSpec,
    ) -> Result<Self, CommandError> {
        let port = free_port(arguments.port)?;
        let folder = create_folder(arguments.keep.as_deref())?;
        let (access_key, secret_key) = (random_hex(10), random_hex(20));
        let files = folder.path().join("s3");
        let s3 = EmbeddedS3::start(&files, access_key, secret_key, BUCKET)
            .await
            .map_err(|error| {
                CommandError::failed("cannot start the S3 server").with_cause(error)
            })?;
        let address = Url::parse(&format!("http://127.0.0.1:{port}")).map_err(|error| {
            CommandError::failed("cannot build the address of the service").with_cause(error)
        })?;
        let mut variables = service_variables(&address, port, folder.path(), &arguments.log);
        let simulator = start_simulator(arguments.seed, catalog, &variables).await?;
        variables.push(("SHOPIFY_ENDPOINT", simulator.endpoint()));
        variables.extend(space_variables(&s3));
        write_env(&folder.path().join(".env"), &variables)?;
        let settings = settings(&variables)?;
        logging::init(&settings.log);

        let shop = simulator
            .control(SHOP)
            .ok_or_else(|| CommandError::failed("the simulator does not know its shop"))?;
        let application = Application::build(settings.clone(), Overrides::default()).await?;
        let service = application.service().clone();
        let stopping = CancellationToken::new();
        let running = tokio::spawn(application.run_until(stopping.clone()));
        Ok(Self {
            domain: format!("{SHOP}.myshopify.com").parse().map_err(|error| {
                CommandError::failed("the name of the shop is invalid").with_cause(error)
            })?,
            shop,
            service,
            address,
            settings,
            simulator,
            s3,
            folder,
            stopping,
            running: Mutex::new(running),
        })
    }

    /// The folder with all files of the demo.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder, if it is kept at the end.
    pub(super) fn kept_folder(&self) -> Option<&Path> {
        match &self.folder {
            DemoFolder::Temporary(_) => None,
            DemoFolder::Persistent(folder) => Some(folder),
        }
    }

    /// Returns the last line to print.
    pub(super) fn closing_message(&self) -> String {
        match self.kept_folder() {
            Some(folder) => format!("Stopped. All files are in {}.", folder.display()),
            None => "Stopped. All files are deleted.".to_owned(),
        }
    }

    /// The file of the document; the S3 server stores objects as files.
    pub(super) fn document_file(&self) -> PathBuf {
        let key = document_key(&self.domain);
        self.folder().join("s3").join(BUCKET).join(key)
    }

    /// The base URL of the simulator's control API.
    pub(super) fn simulator_address(&self) -> String {
        format!("http://{}", self.simulator.address())
    }

    /// Waits until the service ends unexpectedly, and returns the error.
    pub(super) async fn service_ended(&self) -> CommandError {
        let mut running = self.running.lock().await;
        let service_error = CommandError::failed("the service ended unexpectedly");
        match (&mut *running).await {
            Ok(Ok(())) => service_error,
            Ok(Err(error)) => service_error.with_cause(error),
            Err(error) => service_error.with_cause(error),
        }
    }

    /// Returns what was published last, after a check that the Space contains it.
    pub(super) async fn snapshot(&self) -> Result<PublishedSnapshot, CommandError> {
        let to_error = |error| CommandError::from_port(&error, &self.domain);
        let ports = &self.service.ports;
        let shop = ports.registry.find(&self.domain).await.map_err(to_error)?;
        let published = shop.and_then(|shop| shop.published);
        let found = ports
            .publisher
            .inspect(&self.domain)
            .await
            .map_err(to_error)?;
        match (published, found) {
            (Some((_, generation, hash)), Some(found)) if found.hash == hash => {
                Ok(PublishedSnapshot {
                    generation,
                    bytes: found.bytes,
                })
            }
            _ => Err(CommandError::failed(
                "the snapshot in the Space differs from what was published",
            )),
        }
    }

    /// Stops everything, the service first, and deletes the folder unless it is kept.
    pub(super) async fn stop(self) {
        self.stopping.cancel();
        let mut running = self.running.lock().await;
        if !running.is_finished() {
            // The result is in the log.
            let _ = (&mut *running).await;
        }
        drop(running);
        self.simulator.stop().await;
        self.s3.shutdown().await;
        if let DemoFolder::Temporary(folder) = self.folder
            && let Err(error) = folder.close()
        {
            print_error(format_args!(
                "The folder of the demo could not be deleted: {error}"
            ));
        }
    }
}

/// Returns a free port: `wanted`, or any if it is 0.
fn free_port(wanted: u16) -> Result<u16, CommandError> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted));
    let port = bound.and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| {
        let taken = error.kind() == ErrorKind::AddrInUse;
        let what = if taken { "is taken" } else { "cannot be bound" };
        CommandError::failed(format!("port {wanted} of 127.0.0.1 {what}"))
            .with_cause(error)
            .with_remedy(
                "choose another port, or run `shopsync demo` without --port to use a free one",
            )
    })
}

fn create_folder(keep: Option<&Path>) -> Result<DemoFolder, CommandError> {
    let Some(keep) = keep else {
        let made = tempfile::Builder::new().prefix("shopsync-demo-").tempdir();
        let made = made.map_err(|error| {
            CommandError::failed("cannot create a temporary folder").with_cause(error)
        });
        return Ok(DemoFolder::Temporary(made?));
    };
    let unusable = |error| {
        CommandError::usage(format!("cannot use the folder {}", keep.display())).with_cause(error)
    };
    std::fs::create_dir_all(keep).map_err(unusable)?;
    if std::fs::read_dir(keep).map_err(unusable)?.next().is_some() {
        return Err(
            CommandError::usage(format!("the folder {} is not empty", keep.display()))
                .with_remedy("choose a new or an empty folder"),
        );
    }
    Ok(DemoFolder::Persistent(
        keep.canonicalize().map_err(unusable)?,
    ))
}

async fn start_simulator(
    seed: u64,
    catalog: CatalogSpec,
    variables: &Variables,
) -> Result<Simulator, CommandError> {
    let app = SimApp {
        api_key: value(variables, "SHOPIFY_API_KEY"),
        api_secret: value(variables, "SHOPIFY_API_SECRET"),
        redirect_uris: vec![value(variables, "SHOPIFY_REDIRECT_URI")],
        scopes: Settings::defaults().shopify.scopes,
    };
    let simulator = Simulator::builder()
        .seed(seed)
        .shop(SHOP, catalog)
        .app(app)
        .bucket(SHOPIFY_PLUS)
        .start();
    let started = simulator.await;
    started
        .map_err(|error| CommandError::failed("cannot start the simulated shop").with_cause(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_of_a_taken_port_contains_its_number() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let report = free_port(port).unwrap_err().report();
        assert!(
            report.contains(&format!("port {port} of 127.0.0.1 is taken")),
            "{report}"
        );
    }

    #[test]
    fn a_folder_that_is_not_empty_is_rejected() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "mine").unwrap();
        assert!(create_folder(Some(folder.path())).is_err());
        assert!(create_folder(Some(&folder.path().join("new"))).is_ok());
    }

    #[test]
    fn the_error_of_an_invalid_export_contains_the_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("export.csv");
        std::fs::write(
            &file,
            "Handle,Title,Option1 Value,Variant Price\na,A,Default Title,cheap\n",
        )
        .unwrap();
        let report = catalog_spec(Some(&file), 0).unwrap_err().report();
        assert!(report.contains("line 2"), "{report}");
    }
}
