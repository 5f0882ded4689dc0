/* BX24: with this library, an application in a portal's frame talks to the portal around it.
 *
 * It has the names that every Bitrix24 widget uses. One script tag is enough:
 *   BX24.placement.call('getStatus', {}, function (result) { console.log(result); });
 */
(function () {
  'use strict';

  // The portal names the frame "host[:port]|0 or 1|SID"; 1 is https.
  var name = /^([^|]+)\|([01])\|([0-9a-f]+)$/i.exec(window.name);
  var portal = name && (name[2] === '1' ? 'https' : 'http') + '://' + name[1];
  var sid = name && name[3];

  var callbacks = new Map();
  var auth = null;
  var known = {}; // the reply to getInitData
  var initialising = null;
  var counter = 0;

  if (!name) {
    console.error('BX24: this page was not opened by a portal, so nothing responds to it.');
  }

  // --- messages ----------------------------------------------------------------------------

  function post(command, params, callback, stays) {
    if (!name) return;
    counter += 1;
    var id = 'bx' + counter + Math.random().toString(36).slice(2);
    callbacks.set(id, { run: callback || function () {}, stays: Boolean(stays) });
    var json = params === undefined || params === null ? '' : JSON.stringify(params);
    window.parent.postMessage([command, json, id, sid].join(':'), portal);
  }

  function ask(command, params) {
    return new Promise(function (resolve) { post(command, params, resolve); });
  }

  window.addEventListener('message', function (event) {
    if (event.origin !== portal || event.source !== window.parent) return;
    if (typeof event.data !== 'string') return;
    var colon = event.data.indexOf(':');
    var id = event.data.slice(0, colon);
    var callback = callbacks.get(id);
    if (colon < 0 || !callback) return;
    if (!callback.stays) callbacks.delete(id);
    var json = event.data.slice(colon + 1);
    callback.run(json === '' ? undefined : JSON.parse(json));
  });

  // --- the reply to getInitData -------------------------------------------------------------

  function remember(data) {
    auth = Object.assign({}, auth, {
      access_token: data.AUTH_ID,
      refresh_token: data.REFRESH_ID,
      expires_in: Date.now() + Number(data.AUTH_EXPIRES) * 1000, // a time, despite its name
    });
  }

  function initialise() {
    initialising = initialising || ask('getInitData').then(function (data) {
      known = data;
      remember(data);
      auth.domain = data.DOMAIN;
      auth.member_id = data.MEMBER_ID;
    });
    return initialising;
  }

  function getAuth() {
    return auth && auth.expires_in > Date.now() ? auth : false;
  }

  function refreshAuth(callback) {
    post('refreshAuth', null, function (data) {
      remember(data);
      if (callback) callback(getAuth());
    });
  }

  function options(command, list) {
    return {
      get: function (option) { return (known[list] || {})[option]; },
      set: function (option, value, callback) {
        post(command, { name: option, value: value }, function (stored) {
          known[list] = stored;
          if (callback) callback(stored);
        });
      },
    };
  }

  // --- REST --------------------------------------------------------------------------------

  function request(method, params) {
    var body = Object.assign({}, params, { auth: auth.access_token });
    return fetch(portal + '/rest/' + method, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(body),
    }).then(function (response) { return response.json(); });
  }

  function call(method, params) {
    return initialise()
      .then(function () { return request(method, params); })
      .then(function (answer) {
        if (answer.error !== 'expired_token') return answer;
        // Only once: if a fresh token is refused, another one will be, too.
        return ask('refreshAuth').then(function (data) {
          remember(data);
          return request(method, params);
        });
      })
      .catch(function (error) {
        return { error: 'ERROR_NETWORK', error_description: String(error) };
      });
  }

  function result(answer) {
    return {
      answer: answer,
      data: function () { return answer.result; },
      error: function () { return answer.error || false; },
      error_description: function () { return answer.error_description || ''; },
      more: function () { return answer.next !== undefined; },
      total: function () { return answer.total; },
    };
  }

  function callMethod(method, params, callback) {
    call(method, params).then(function (answer) { if (callback) callback(result(answer)); });
  }

  function query(params, prefix) {
    return Object.keys(params || {}).map(function (key) {
      var field = prefix ? prefix + '[' + key + ']' : key;
      var value = params[key];
      return value !== null && typeof value === 'object'
        ? query(value, field)
        : encodeURIComponent(field) + '=' + encodeURIComponent(value);
    }).filter(Boolean).join('&');
  }

  // A call is [method, params] or { method, params }; the results have the shape of the calls.
  function callBatch(calls, callback, halt) {
    var labels = Object.keys(calls);
    var cmd = {};
    labels.forEach(function (label) {
      var one = calls[label];
      var method = Array.isArray(one) ? one[0] : one.method;
      cmd[label] = method + '?' + query(Array.isArray(one) ? one[1] : one.params);
    });
    call('batch', { halt: halt ? 1 : 0, cmd: cmd }).then(function (answer) {
      var batch = answer.result || {};
      var results = Array.isArray(calls) ? [] : {};
      labels.forEach(function (label) {
        var error = answer.error ? answer : (batch.result_error || {})[label];
        results[label] = result(Object.assign({ result: (batch.result || {})[label] }, error));
      });
      if (callback) callback(results);
    });
  }

  // --- the page and its frame ---------------------------------------------------------------

  function resizeWindow(width, height, callback) {
    post('resizeWindow', { width: width, height: height }, callback);
  }

  function fitWindow(callback) {
    var page = document.documentElement;
    // The content's own height: the page's is never less than that of the frame.
    var height = Math.ceil(document.body.getBoundingClientRect().height);
    resizeWindow(page.scrollWidth, height, callback);
  }

  function getScrollSize() {
    var page = document.documentElement;
    return {
      scrollWidth: Math.max(page.scrollWidth, page.offsetWidth),
      scrollHeight: Math.max(page.scrollHeight, page.offsetHeight),
    };
  }

  function isReady() {
    return document.readyState !== 'loading';
  }

  function ready(callback) {
    if (isReady()) {
      setTimeout(callback, 0);
    } else {
      document.addEventListener('DOMContentLoaded', function () { callback(); });
    }
  }

  // --- what only a portal supports -----------------------------------------------------------

  function unsupported(what) {
    var said = false;
    return function () {
      if (said) return;
      said = true;
      console.warn('BX24: the sandbox does not support ' + what + '; a portal does.');
    };
  }

  window.BX24 = {
    init: function (callback) {
      initialise().then(function () { if (callback) ready(callback); });
    },
    // On a portal, it runs when an application is installed, which never happens here.
    install: function () {},
    installFinish: function () { post('setInstall', { status: true }); },
    ready: ready,
    isReady: isReady,
    isAdmin: function () { return Boolean(known.IS_ADMIN); },
    getLang: function () { return known.LANG; },
    getDomain: function () { return known.DOMAIN; },
    getAuth: getAuth,
    refreshAuth: refreshAuth,
    callMethod: callMethod,
    callBatch: callBatch,
    userOption: options('setUserOption', 'USER_OPTIONS'),
    appOption: options('setAppOption', 'APP_OPTIONS'),
    placement: {
      info: function () {
        return {
          placement: known.PLACEMENT || null,
          options: known.PLACEMENT_OPTIONS || {},
        };
      },
      getInterface: function (callback) { post('getInterface', null, callback); },
      call: function (command, params, callback) { post(command, params || {}, callback); },
      bindEvent: function (event, callback) {
        post('placementBindEvent', { event: event }, callback, true);
      },
    },
    resizeWindow: resizeWindow,
    fitWindow: fitWindow,
    getScrollSize: getScrollSize,
    setTitle: function (title, callback) { post('setTitle', { title: title }, callback); },
    bind: function (target, event, handler) { target.addEventListener(event, handler); },
    unbind: function (target, event, handler) { target.removeEventListener(event, handler); },
    im: {},
  };

  [
    'scrollParentWindow', 'reloadWindow', 'openPath', 'openApplication', 'closeApplication',
    'selectUser', 'selectUsers', 'selectAccess', 'selectCRM',
  ].forEach(function (missing) {
    window.BX24[missing] = unsupported('BX24.' + missing);
  });
  ['callTo', 'phoneTo', 'openMessenger', 'openHistory'].forEach(function (missing) {
    window.BX24.im[missing] = unsupported('BX24.im.' + missing);
  });
})();
