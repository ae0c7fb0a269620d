"use strict";

/**
 * Values that the Drumee frontend starts with (docs/frontend.md). Everything is on the origin of the page.
 */
function bootstrap() {
  const values = JSON.parse(document.getElementById("bootstrap-values").textContent);
  const { host, protocol } = window.location;
  const isSecure = protocol === "https:";
  return {
    ...values,
    appRoot: "/-/app",
    connection: "new",
    endpoint: "/-/",
    endpointPath: "/-/",
    ident: "nobody",
    main_domain: host,
    mfsRootUrl: "/-/",
    mfs_base: "/-/",
    protocol: isSecure ? "https" : "http",
    serviceApi: "/-/svc/",
    signed_in: 0,
    static: "/-/static/",
    svc: "/-/svc/",
    user_domain: host,
    vdo: "/-/vdo/",
    websocketApi: `${isSecure ? "wss" : "ws"}://${host}/-/websocket/`,
    websocketPath: "/-/websocket/",
  };
}
