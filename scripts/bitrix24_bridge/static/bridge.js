/* The bridge's part in the browser: it asks the portal's page for the call, and says it to the bridge.
 *
 * It speaks the portal's wire protocol itself, with callback ids of its own, so it works beside BX24.js
 * and @bitrix24/b24jssdk in the widget of any application:
 *   <script src="https://BRIDGE/bridge.js"></script>
 */
(function () {
  'use strict';

  if (window.bitrix24Bridge) return; // loaded twice
  window.bitrix24Bridge = true;

  // What the bridge closes a socket with.
  var TOKEN = 4401;
  var REFUSED = 4403;
  var REPLACED = 4409;
  var RESTART = 1012;

  var FIRST_WAIT = 1000; // milliseconds before connecting again, or half of them; twice each time
  var LONGEST_WAIT = 10000;
  var SLOW_WAIT = 60000; // after a refusal, which only an administrator can change
  var REPLY_WAIT = 10000; // the portal's page never says that it will not reply
  var SILENCE = 15000; // the bridge asks every 5 s; a network that drops a connection says nothing

  // A module has no current script.
  var script = document.currentScript || document.querySelector('script[src*="/bridge.js"]');
  var bridge = new URL(script.src).origin;

  // The portal names the frame "host[:port]|0 or 1|SID"; the protocol's 1 means https.
  var name = /^([^|]+)\|([01])\|([0-9a-f]{32})$/.exec(window.name);
  if (!name) {
    show('This page is opened by a Bitrix24 portal, in its call card.');
    return;
  }
  // The bridge's own page is told which portal to trust; the name can be anybody's.
  var portal = script.dataset.portal || (name[2] === '1' ? 'https' : 'http') + '://' + name[1];
  var sid = name[3];

  var prefix = 'bridge' + Math.random().toString(36).slice(2) + '-';
  var callbacks = new Map();
  var counter = 0;
  var socket = null;
  var failures = 0;
  var refresh = false; // whether the token that getInitData gives was refused

  function show(text) {
    var place = document.getElementById('bitrix24-bridge');
    if (place) place.textContent = text;
  }

  // --- the portal's page --------------------------------------------------------------------------

  function post(command, params, callback) {
    counter += 1;
    callbacks.set(prefix + counter, callback);
    var json = params ? JSON.stringify(params) : '';
    window.parent.postMessage([command, json, prefix + counter, sid].join(':'), portal);
    return prefix + counter;
  }

  function ask(command, callback) {
    var id = post(command, null, function (value) {
      callbacks.delete(id);
      callback(value);
    });
    return id;
  }

  window.addEventListener('message', function (event) {
    if (event.origin !== portal || event.source !== window.parent) return;
    if (typeof event.data !== 'string') return;
    var colon = event.data.indexOf(':');
    var callback = callbacks.get(event.data.slice(0, colon));
    if (!callback) return;
    var value;
    try {
      value = JSON.parse(event.data.slice(colon + 1) || 'null');
    } catch (error) {
      return;
    }
    callback(value);
  });

  // --- the bridge ---------------------------------------------------------------------------------

  function say(message) {
    if (socket && socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify(message));
  }

  function sayStatus(number) {
    ask('getStatus', function (status) {
      say(number === undefined ? { status: status } : { answer: number, status: status });
    });
  }

  function connect() {
    var command = refresh ? 'refreshAuth' : 'getInitData';
    var timer = setTimeout(function () {
      callbacks.delete(id);
      // A portal that cannot refresh shows an alert, and would show another one each time.
      if (refresh) show('Not connected: the portal did not refresh the access token.');
      else again();
    }, REPLY_WAIT);
    var id = ask(command, function (auth) {
      clearTimeout(timer);
      open(auth);
    });
  }

  var memberId = '';

  function open(auth) {
    if (!auth) return again();
    memberId = auth.MEMBER_ID || memberId;
    var opened = new WebSocket(bridge.replace('http', 'ws') + '/socket');
    var silence = setTimeout(giveUp, SILENCE);
    socket = opened;
    opened.onopen = function () {
      var age = performance.now() / 1000;
      opened.send(JSON.stringify({ token: auth.AUTH_ID, member_id: memberId, app_sid: sid, age: age }));
    };
    opened.onmessage = function (event) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, SILENCE);
      failures = 0;
      refresh = false;
      show('Connected.');
      sayStatus(JSON.parse(event.data).ask);
    };
    opened.onclose = closed;

    function giveUp() {
      opened.onclose = null; // it would wait for the other end to agree
      opened.close();
      closed({});
    }

    function closed(event) {
      clearTimeout(silence);
      // A token that was refreshed just now and is refused will be refused again.
      var slow = event.code === REFUSED || event.code === REPLACED || (event.code === TOKEN && refresh);
      show(slow ? 'Not connected: ' + event.reason : 'Connecting …');
      refresh = event.code === TOKEN && !refresh;
      if (slow) later(SLOW_WAIT);
      else again(event.code === RESTART || event.code === TOKEN);
    }
  }

  // At once the first time, if the bridge asked for it; then later and later.
  function again(atOnce) {
    failures += 1;
    if (atOnce && failures === 1) connect();
    else later(Math.min(FIRST_WAIT * Math.pow(2, failures - 1), LONGEST_WAIT));
  }

  // Not all pages at the same time.
  function later(wait) {
    setTimeout(connect, wait / 2 + Math.random() * wait / 2);
  }

  ['CallStateChanged', 'EntityChanged'].forEach(function (event) {
    post('placementBindEvent', { event: 'CallCard::' + event }, function () { sayStatus(); });
  });
  connect();
})();
