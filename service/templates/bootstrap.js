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

// After a sign-in or a sign-up the frontend starts a second time in the same page. It then opens what the URL
// names, which is the form, and it does not notice any more when the URL changes. So let it start at the desk.
document.addEventListener("drumee:app:started", () => {
  window.Drumee.on("before:start", () => {
    if (window.location.hash.startsWith("#/welcome")) {
      window.history.replaceState(null, "", "#/desk");
    }
  });
});
