// The web servers, with the files of deploy/, only addresses, ports and certificates replaced.

import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Program, freePort, program } from "../processes.mjs";

export const HOST = "presence.example.com";
export const SITE = "intra.example.com";
export const STATIC = "static.example.com";

/**
 * Starts a proxy in front of `gateway`, nginx also of a `second` one, and of `intranet` for all other paths of the site: ports of 127.0.0.1. Each
 * function returns the program and the port on which it listens.
 */
export const PROXIES = {
  nginx: { host: nginxHost, path: nginxPath },
  Apache: { host: apacheHost, path: apachePath },
  Caddy: { host: caddyHost, path: caddyPath },
  HAProxy: { host: haproxy, path: haproxy },
};

/** Starts a server of the files in `root`. Each function returns the same. */
export const STATIC_SERVERS = {
  nginx: nginxStatic,
  Apache: apacheStatic,
  "Apache with .htaccess": apacheOverride,
  Caddy: caddyStatic,
};

/** A file of deploy/ with replacements; each replaced text must occur. */
async function deployed(name, replacements) {
  let text = await readFile(join("deploy", name), "utf8");
  for (const [there, here] of replacements) {
    if (!text.includes(there)) throw new Error(`deploy/${name} has no ${there}`);
    text = text.replaceAll(there, here);
  }
  return text;
}

async function start(setup, command, args, options) {
  const child = new Program(program(command), args, options);
  setup.cleanup.add(() => child.stop());
  return { program: await child.listening(setup.port), port: setup.port };
}

async function nginx(setup, http) {
  const { directory, port } = setup;
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${directory}/${kind};`)
    .join(" ");
  const config = join(directory, "nginx.conf");
  await writeFile(
    config,
    `daemon off; worker_processes 1; pid ${directory}/pid; error_log stderr warn;
     events { worker_connections 256; }
     http { access_log off; ${temporary} ${http} }`,
  );
  return start({ ...setup, port }, "nginx", ["-c", config, "-e", "stderr"]);
}

async function nginxHost(setup) {
  const port = await freePort();
  const site = await deployed("nginx.conf", [
    setup.second
      ? ["127.0.0.1:8641", `127.0.0.1:${setup.second}`]
      : ["    server 127.0.0.1:8641 max_fails=1 fail_timeout=5s;\n", ""],
    ["127.0.0.1:8640", `127.0.0.1:${setup.gateway}`],
    ["listen 80;", `listen 127.0.0.1:${port};`],
    ["/var/cache/zulip-presence-nginx", join(setup.directory, "cache")],
  ]);
  return { ...(await nginx({ ...setup, port }, site)), scheme: "http" };
}

async function nginxPath(setup) {
  const port = await freePort();
  const snippet = await deployed("nginx-path.conf", [
    ["127.0.0.1:8640", `127.0.0.1:${setup.gateway}`],
  ]);
  return nginx(
    { ...setup, port },
    `server {
       listen 127.0.0.1:${port} ssl http2; server_name ${SITE};
       ssl_certificate ${setup.tls.certificate}; ssl_certificate_key ${setup.tls.key};
       location / { proxy_pass http://127.0.0.1:${setup.intranet}; }
       ${snippet}
     }`,
  );
}

async function nginxStatic(setup) {
  const port = await freePort();
  return nginx(
    { ...setup, port },
    `server {
       listen 127.0.0.1:${port} ssl http2; server_name ${STATIC};
       ssl_certificate ${setup.tls.certificate}; ssl_certificate_key ${setup.tls.key};
       root ${setup.root};
       ${await deployed("nginx-static.conf", [])}
     }`,
  );
}

async function apache(setup, modules, site) {
  const { directory, port } = setup;
  const load = ["mpm_event", "authz_core", "ssl", "socache_shmcb", "http2", ...modules]
    .map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`)
    .join("\n");
  const config = join(directory, "apache2.conf");
  await writeFile(
    config,
    `ServerRoot ${directory}
     DefaultRuntimeDir ${directory}
     PidFile ${directory}/pid
     ErrorLog ${directory}/error.log
     ServerName localhost
     DocumentRoot ${directory}
     ${load}
     Listen 127.0.0.1:${port}
     ${site}`,
  );
  return start(setup, "apache2", ["-D", "FOREGROUND", "-f", config]);
}

async function apacheHost(setup) {
  const port = await freePort();
  const site = await deployed("apache.conf", [
    ["*:443", `127.0.0.1:${port}`],
    ["http://127.0.0.1:8640/", `http://127.0.0.1:${setup.gateway}/`],
    ["/etc/ssl/presence.example.com.pem", setup.tls.certificate],
    ["/etc/ssl/presence.example.com.key", setup.tls.key],
  ]);
  return apache({ ...setup, port }, needed(site), site);
}

async function apachePath(setup) {
  const port = await freePort();
  const snippet = await deployed("apache-path.conf", [
    ["http://127.0.0.1:8640/", `http://127.0.0.1:${setup.gateway}/`],
  ]);
  return apache(
    { ...setup, port },
    needed(snippet),
    `<VirtualHost 127.0.0.1:${port}>
       ServerName ${SITE}
       Protocols h2 http/1.1
       SSLEngine on
       SSLCertificateFile ${setup.tls.certificate}
       SSLCertificateKeyFile ${setup.tls.key}
       ${snippet}
       ProxyPass "/" "http://127.0.0.1:${setup.intranet}/"
     </VirtualHost>`,
  );
}

async function apacheStatic(setup) {
  const snippet = await deployed("apache-static.conf", []);
  return apacheFiles(setup, snippet, snippet);
}

async function apacheOverride(setup) {
  const snippet = await deployed("apache-static.conf", []);
  await writeFile(join(setup.root, ".htaccess"), snippet);
  const site = `<Directory ${setup.root}>\nAllowOverride FileInfo\n</Directory>`;
  return apacheFiles(setup, snippet, site);
}

async function apacheFiles(setup, snippet, site) {
  const port = await freePort();
  return apache(
    { ...setup, port },
    needed(snippet),
    `TypesConfig /etc/mime.types
     <VirtualHost 127.0.0.1:${port}>
       ServerName ${STATIC}
       Protocols h2 http/1.1
       SSLEngine on
       SSLCertificateFile ${setup.tls.certificate}
       SSLCertificateKeyFile ${setup.tls.key}
       DocumentRoot ${setup.root}
       ${site}
     </VirtualHost>`,
  );
}

/** The modules that the file names as needed, except those that are always loaded. */
function needed(text) {
  const [, modules] = /^# Needs: a2enmod (.+)$/m.exec(text) ?? [];
  if (!modules) throw new Error("the file does not say which modules it needs");
  return modules.split(" ").filter((name) => name !== "ssl" && name !== "http2");
}

async function caddy(setup, site) {
  const config = join(setup.directory, "Caddyfile");
  await writeFile(
    config,
    `{\n\tadmin off\n\tauto_https disable_redirects\n\tdefault_bind 127.0.0.1\n}\n${site}`,
  );
  const home = setup.directory;
  return start(setup, "caddy", ["run", "--config", config, "--adapter", "caddyfile"], {
    cwd: home,
    env: { HOME: home, XDG_DATA_HOME: home, XDG_CONFIG_HOME: home },
  });
}

async function caddyHost(setup) {
  const port = await freePort();
  const { certificate, key } = setup.tls;
  const site = await deployed("Caddyfile", [
    ["presence.example.com {", `presence.example.com:${port} {\n\ttls ${certificate} ${key}`],
    ["127.0.0.1:8640", `127.0.0.1:${setup.gateway}`],
  ]);
  return caddy({ ...setup, port }, site);
}

async function caddyPath(setup) {
  const port = await freePort();
  const { certificate, key } = setup.tls;
  await writeFile(
    join(setup.directory, "zulip-presence"),
    await deployed("Caddyfile-path", [["127.0.0.1:8640", `127.0.0.1:${setup.gateway}`]]),
  );
  return caddy(
    { ...setup, port },
    `${SITE}:${port} {\n\ttls ${certificate} ${key}\n\timport zulip-presence\n\treverse_proxy 127.0.0.1:${setup.intranet}\n}\n`,
  );
}

async function caddyStatic(setup) {
  const port = await freePort();
  const { certificate, key } = setup.tls;
  await writeFile(
    join(setup.directory, "zulip-presence-static"),
    await deployed("Caddyfile-static", []),
  );
  return caddy(
    { ...setup, port },
    `${STATIC}:${port} {\n\ttls ${certificate} ${key}\n\troot * ${setup.root}\n\timport zulip-presence-static\n\tfile_server\n}\n`,
  );
}

/** One file for both. */
async function haproxy(setup) {
  const port = await freePort();
  const config = join(setup.directory, "haproxy.cfg");
  await writeFile(
    config,
    await deployed("haproxy.cfg", [
      ["bind :443 ", `bind 127.0.0.1:${port} `],
      ["/etc/haproxy/certs/", setup.tls.both],
      ["127.0.0.1:8640", `127.0.0.1:${setup.gateway}`],
      ["127.0.0.1:8080", `127.0.0.1:${setup.intranet}`],
    ]),
  );
  return start({ ...setup, port }, "haproxy", ["-db", "-f", config]);
}
