// The page to which Google sends the browser: load it again, this time with the session cookie, or close it.

const { again } = document.body.dataset;
if (again) location.replace(location.href + "&again=1");
else window.close();
