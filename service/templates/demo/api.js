// Services: one POST each, and files with their progress.

import { session } from "./state.js";

// Each person has a separate cookie (keysel), so that tabs of one browser can be different people.
const keysel = () => "demo_" + (session.user?.isGuest ? "guest" : session.user?.uid.slice(-2));
const address = (service) => "/-/svc/" + service;

export async function rpc(service, args = {}) {
  const response = await fetch(address(service), {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ ...args, keysel: keysel() }),
  });
  return answered(response.status, await response.json());
}

/** The address of a service that answers a file. */
export const serviceUrl = (service, args) =>
  address(service) + "?" + new URLSearchParams({ ...args, keysel: keysel() });

/** Send a call that the page does not wait for: it is closing. */
export function farewell(service, args) {
  const body = new Blob([JSON.stringify({ ...args, keysel: keysel() })], { type: "application/json" });
  navigator.sendBeacon(address(service), body);
}

/** Send a file as the raw body; onprogress gets what is sent, 0 to 100. */
export function upload(service, file, args, onprogress) {
  // fetch does not tell the progress of a body.
  const request = new XMLHttpRequest();
  request.open("POST", address(service) + "?keysel=" + keysel());
  const described = {
    ...args,
    filename: encodeURIComponent(file.name),
    mimetype: file.type,
    filesize: file.size,
  };
  request.setRequestHeader("x-param-xia-data", encodeURIComponent(JSON.stringify(described)));
  request.upload.onprogress = ({ loaded, total }) => onprogress(Math.round((100 * loaded) / total));
  return new Promise((resolve, reject) => {
    request.onerror = () => reject(new Error("The file was not sent: no connection."));
    request.onload = () => {
      try {
        resolve(answered(request.status, JSON.parse(request.responseText)));
      } catch (error) {
        reject(error);
      }
    };
    request.send(file);
  });
}

function answered(status, answer) {
  if (status >= 400) throw new Error(answer.reason || answer.error || "HTTP " + status);
  return answer.data;
}
