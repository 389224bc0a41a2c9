//! Everything that runs, and where it is.

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
    Variables, random, service_variables, settings, space_variables, value, write_env,
};
use super::witness::Witness;
use crate::app::Application;
use crate::cli::Failure;
use crate::logging;
use crate::service::{Overrides, Service};
use crate::settings::Settings;

/// The simulated shop's name.
pub(super) const SHOP: &str = "demo";

/// The bucket's name.
const BUCKET: &str = "space";

/// How much a shop on the plan Shopify Plus lets an app ask for. On the smallest plan a large catalogue takes ten times as
/// long, which is true and dull.
const SHOPIFY_PLUS: BucketSize = BucketSize {
    maximum: 20_000.0,
    restore_rate: 1_000.0,
};

/// The running demonstration.
pub(super) struct Stage {
    pub(super) domain: ShopDomain,
    /// The simulated shop.
    pub(super) shop: ShopControl,
    pub(super) service: Service,
    /// When changes were announced.
    pub(super) witness: Witness,
    /// Where the service is, without a path.
    pub(super) address: Url,
    pub(super) settings: Settings,
    simulator: Simulator,
    s3: EmbeddedS3,
    folder: Folder,
    stopping: CancellationToken,
    running: Mutex<JoinHandle<std::io::Result<()>>>,
}

/// Where everything is kept.
enum Folder {
    /// Removed when it is dropped.
    Passing(TempDir),
    Kept(PathBuf),
}

impl Folder {
    fn path(&self) -> &Path {
        match self {
            Self::Passing(folder) => folder.path(),
            Self::Kept(folder) => folder,
        }
    }
}

/// A published snapshot.
pub(super) struct Snapshot {
    pub(super) generation: u64,
    pub(super) bytes: u64,
}

/// What the shop holds: the products of an export, or made-up ones.
pub(super) fn catalog(export: Option<&Path>, products: u64) -> Result<CatalogSpec, Failure> {
    let Some(path) = export else {
        return Ok(CatalogSpec {
            products: usize::try_from(products).unwrap_or(usize::MAX),
            ..CatalogSpec::default()
        });
    };
    let file = File::open(path).map_err(|error| {
        Failure::usage(format!("cannot read {}", path.display())).because(error)
    })?;
    CatalogSpec::from_csv(BufReader::new(file)).map_err(|error| {
        Failure::usage(format!(
            "{} is not taken as a product export",
            path.display()
        ))
        .because(error)
        .next("mend that line, or export anew in the shop's admin: Products, Export, CSV")
    })
}

impl Stage {
    /// Starts all of it, the service last.
    pub(super) async fn set_up(
        arguments: &Arguments,
        catalog: CatalogSpec,
    ) -> Result<Self, Failure> {
        let port = free_port(arguments.port)?;
        let folder = folder(arguments.keep.as_deref())?;
        let (access_key, secret_key) = (random(10), random(20));
        let files = folder.path().join("s3");
        let s3 = EmbeddedS3::start(&files, access_key, secret_key, BUCKET)
            .await
            .map_err(|error| Failure::failed("cannot start the S3 server").because(error))?;
        let address = Url::parse(&format!("http://127.0.0.1:{port}"))
            .map_err(|error| Failure::failed("the port makes no address").because(error))?;
        let mut variables = service_variables(&address, port, folder.path(), &arguments.log);
        let simulator = simulator(arguments.seed, catalog, &variables).await?;
        variables.push(("SHOPIFY_ENDPOINT", simulator.endpoint()));
        variables.extend(space_variables(&s3));
        write_env(&folder.path().join(".env"), &variables)?;
        let settings = settings(&variables)?;
        logging::init(&settings.log);

        let shop = simulator
            .control(SHOP)
            .ok_or_else(|| Failure::failed("the simulator has lost its shop"))?;
        let witness = Witness::default();
        let overrides = Overrides {
            inbox: Some(Box::new({
                let witness = witness.clone();
                move |inbox| witness.around(inbox)
            })),
            ..Overrides::default()
        };
        let application = Application::build(settings.clone(), overrides).await?;
        let service = application.service().clone();
        let stopping = CancellationToken::new();
        let running = tokio::spawn(application.run_until(stopping.clone()));
        Ok(Self {
            domain: format!("{SHOP}.myshopify.com")
                .parse()
                .map_err(|error| Failure::failed("the shop has no name").because(error))?,
            shop,
            service,
            witness,
            address,
            settings,
            simulator,
            s3,
            folder,
            stopping,
            running: Mutex::new(running),
        })
    }

    /// Where everything is kept.
    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The folder, if it stays when all is over.
    pub(super) fn kept(&self) -> Option<&Path> {
        match &self.folder {
            Folder::Passing(_) => None,
            Folder::Kept(folder) => Some(folder),
        }
    }

    /// What to say when all is over.
    pub(super) fn farewell(&self) -> String {
        match self.kept() {
            Some(folder) => format!("Stopped. Everything is left in {}.", folder.display()),
            None => "Stopped. Nothing is left behind.".to_owned(),
        }
    }

    /// The document as a file; the S3 server keeps objects as files.
    pub(super) fn file(&self) -> PathBuf {
        let key = crate::cli::outcome::key_of(&self.domain);
        self.folder().join("s3").join(BUCKET).join(key)
    }

    /// Where the simulator's control is, without a path.
    pub(super) fn simulator_address(&self) -> String {
        format!("http://{}", self.simulator.address())
    }

    /// Returns only if the service ends without having been told to.
    pub(super) async fn service_ended(&self) -> Failure {
        let mut running = self.running.lock().await;
        let failure = Failure::failed("the service has ended");
        match (&mut *running).await {
            Ok(Ok(())) => failure,
            Ok(Err(error)) => failure.because(error),
            Err(error) => failure.because(error),
        }
    }

    /// What was published last.
    pub(super) async fn snapshot(&self) -> Result<Snapshot, Failure> {
        let of_port = |error| Failure::of_port(&error, &self.domain);
        let ports = &self.service.ports;
        let shop = ports.registry.find(&self.domain).await.map_err(of_port)?;
        let published = shop.and_then(|shop| shop.published);
        let found = ports
            .snapshots
            .inspect(&self.domain)
            .await
            .map_err(of_port)?;
        match (published, found) {
            (Some((_, generation, hash)), Some(found)) if found.hash == hash => Ok(Snapshot {
                generation,
                bytes: found.bytes,
            }),
            _ => Err(Failure::failed(
                "the snapshot in the Space is not what was published",
            )),
        }
    }

    /// Stops everything, the service first, and removes the folder unless it is kept.
    pub(super) async fn take_down(self) {
        self.stopping.cancel();
        let mut running = self.running.lock().await;
        if !running.is_finished() {
            // How it ended is in the log.
            let _ = (&mut *running).await;
        }
        drop(running);
        self.simulator.stop().await;
        self.s3.shutdown().await;
        if let Folder::Passing(folder) = self.folder
            && let Err(error) = folder.close()
        {
            crate::cli::complain(format_args!(
                "The demonstration's folder could not be removed: {error}"
            ));
        }
    }
}

/// A port that nobody listens on: `wanted`, or any if it is 0.
fn free_port(wanted: u16) -> Result<u16, Failure> {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, wanted));
    let port = bound.and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(|error| {
        let taken = error.kind() == ErrorKind::AddrInUse;
        let what = if taken {
            "is taken"
        } else {
            "cannot be listened on"
        };
        Failure::failed(format!("port {wanted} of 127.0.0.1 {what}"))
            .because(error)
            .next("choose another one, or let a free one be taken: `shopsync demo` without --port")
    })
}

fn folder(keep: Option<&Path>) -> Result<Folder, Failure> {
    let Some(keep) = keep else {
        let made = tempfile::Builder::new().prefix("shopsync-demo-").tempdir();
        let made = made.map_err(|error| Failure::failed("cannot make a folder").because(error));
        return Ok(Folder::Passing(made?));
    };
    let unusable =
        |error| Failure::usage(format!("cannot use the folder {}", keep.display())).because(error);
    std::fs::create_dir_all(keep).map_err(unusable)?;
    if std::fs::read_dir(keep).map_err(unusable)?.next().is_some() {
        return Err(
            Failure::usage(format!("the folder {} is not empty", keep.display()))
                .next("name a new or an empty one"),
        );
    }
    Ok(Folder::Kept(keep.canonicalize().map_err(unusable)?))
}

async fn simulator(
    seed: u64,
    catalog: CatalogSpec,
    variables: &Variables,
) -> Result<Simulator, Failure> {
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
    started.map_err(|error| Failure::failed("cannot start the simulated shop").because(error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_is_named() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let report = free_port(port).unwrap_err().report();
        assert!(
            report.contains(&format!("port {port} of 127.0.0.1 is taken")),
            "{report}"
        );
    }

    #[test]
    fn a_folder_with_something_in_it_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "mine").unwrap();
        assert!(super::folder(Some(folder.path())).is_err());
        assert!(super::folder(Some(&folder.path().join("new"))).is_ok());
    }

    #[test]
    fn an_export_that_is_none_is_refused_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("export.csv");
        std::fs::write(
            &file,
            "Handle,Title,Option1 Value,Variant Price\na,A,Default Title,cheap\n",
        )
        .unwrap();
        let report = catalog(Some(&file), 0).unwrap_err().report();
        assert!(report.contains("line 2"), "{report}");
    }
}
