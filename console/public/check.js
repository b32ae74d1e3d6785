// Written for any browser there is: it says plainly where one is too old for the console, instead of an empty page.
(function () {
  var old = "This browser is too old for the console: it needs Chrome or Edge 100, Firefox 100, Safari 15.4, or newer.";
  var able =
    "noModule" in document.createElement("script") &&
    typeof Object.hasOwn === "function" &&
    typeof Array.prototype.at === "function" &&
    typeof structuredClone === "function" &&
    typeof window.HTMLDialogElement === "function";
  function say(text) {
    var root = document.getElementById("root");
    if (root === null || root.getAttribute("data-started") !== null) return;
    root.textContent = "";
    var p = document.createElement("p");
    p.className = "boot";
    p.setAttribute("role", "alert");
    p.appendChild(document.createTextNode(text));
    root.appendChild(p);
  }
  if (!able) {
    document.addEventListener("DOMContentLoaded", function () {
      say(old);
    });
    return;
  }
  // A script that did not load, or that this browser cannot read.
  window.addEventListener(
    "error",
    function () {
      say("The console could not start: reload the page. If that does not help, this browser may be too old for it.");
    },
    true,
  );
})();
