/* BX24: with this library, an application in a portal's frame talks to the portal around it.
 *
 * It has the names that every Bitrix24 widget uses, and behaves like the portals' own library.
 * One script tag is enough:
 *   BX24.placement.call('getStatus', {}, function (result) { console.log(result); });
 */
(function () {
  'use strict';

  // The portal names the frame "host[:port]|0 or 1|SID"; 1 is https.
  var name = window.name.split('|');
  var domain = name[0].replace(/:(80|443)$/, '');
  var portal = (name[1] === '1' ? 'https://' : 'http://') + domain;
  var sid = name[2];
  if (!domain || !sid) {
    window.BX24 = null;
    throw new Error('Unable to initialize Bitrix24 JS library!');
  }

  // --- messages ----------------------------------------------------------------------------

  var callbacks = new Map(); // never emptied: each event reuses the callback of its binding

  // `params` may be left out.
  function post(command, params, callback) {
    if (typeof params === 'function') {
      callback = params;
      params = null;
    }
    var id = callback ? 'bx' + callbacks.size + Math.random().toString(36).slice(2) : '';
    if (callback) callbacks.set(id, callback);
    var message = command.indexOf(':') < 0
      ? [command, params ? JSON.stringify(params) : '', id, sid].join(':')
      : { method: command, params: params || '', callback: id, appSid: sid };
    window.parent.postMessage(message, portal);
  }

  window.addEventListener('message', function (event) {
    if (event.origin !== portal || typeof event.data !== 'string') return;
    var colon = event.data.indexOf(':');
    var callback = callbacks.get(event.data.slice(0, colon));
    var json = event.data.slice(colon + 1);
    if (callback) callback(json ? JSON.parse(json) : []);
  });

  // --- the reply to getInitData -------------------------------------------------------------

  var known = { LANG: '', PLACEMENT: null, PLACEMENT_OPTIONS: null, USER_OPTIONS: {}, APP_OPTIONS: {} };
  var auth = null;
  var initialised = false;
  var waiting = []; // callbacks of BX24.init

  function remember(data) {
    auth = {
      access_token: data.AUTH_ID,
      refresh_token: data.REFRESH_ID,
      expires_in: Date.now() + Number(data.AUTH_EXPIRES) * 1000, // a time, despite its name
      domain: domain,
      member_id: known.MEMBER_ID,
    };
  }

  function defer(callback) {
    setTimeout(callback, 10);
  }

  function init(callback) {
    if (initialised) defer(callback);
    else waiting.push(callback);
  }

  post('getInitData', function (data) {
    known = data;
    remember(data);
    initialised = true;
    if (!data.INSTALL) BX24.installFinish = function () {};
    waiting.forEach(defer);
  });

  function isAdmin() {
    return Boolean(known.IS_ADMIN);
  }

  function getAuth() {
    return auth && auth.expires_in > Date.now() ? Object.assign({}, auth) : false;
  }

  function refreshAuth(callback) {
    if (!initialised) return;
    post('refreshAuth', {}, function (data) {
      remember(data);
      if (callback) callback(getAuth());
    });
  }

  function setOption(list, command, option, value, callback) {
    if (!initialised) return;
    known[list][option] = value;
    post(command, { name: option, value: value }, callback);
  }

  // --- REST --------------------------------------------------------------------------------

  // Write fields as PHP reads them; null, and an object without fields, are left out.
  function form(fields, prefix) {
    if (typeof fields === 'string') return fields;
    return Object.keys(fields || {}).map(function (key) {
      var field = encodeURIComponent(key);
      if (prefix) field = prefix + '[' + field + ']';
      var value = fields[key];
      if (value instanceof Date) value = value.toJSON();
      if (value instanceof Node) value = 'value' in value ? value.value : null;
      if (Array.isArray(value) && !value.length) value = '';
      return typeof value === 'object' ? form(value, field) : field + '=' + encodeURIComponent(value);
    }).filter(Boolean).join('&');
  }

  // `query`: method, data, callback, and start for a further page of a list.
  function request(query) {
    if (!initialised) return init(function () { request(query); });
    function again() { refreshAuth(function () { request(query); }); }
    if (!getAuth()) return again();
    var http = new XMLHttpRequest();
    http.open('POST', portal + known.PATH + '/' + encodeURIComponent(query.method) + '.json');
    http.onload = function () {
      // As in the portals' library, there is no callback after a status of 500 or more.
      if (http.status >= 500) throw new Error('Query error! The portal answered ' + http.status);
      var answer = JSON.parse(http.responseText);
      if (answer.error === 'expired_token') again();
      else if (query.callback) query.callback.call(window, result(answer, query, http.status));
    };
    http.onerror = function () { throw new Error('Query error! The portal cannot be reached'); };
    var start = query.start === undefined ? '' : '&start=' + query.start;
    http.send('auth=' + auth.access_token + start + '&' + form(query.data));
  }

  function result(answer, query, status) {
    if (answer.error !== undefined) {
      // In a batch, `error` is an object with both texts.
      answer.ex = failure(typeof answer.error === 'string' ? answer : answer.error, status);
    }
    var next = parseInt(answer.next, 10);
    return {
      answer: answer,
      query: query,
      status: status,
      data: function () { return answer.result; },
      error: function () { return answer.ex; },
      error_description: function () { return answer.error_description; },
      more: function () { return !isNaN(next); },
      total: function () { return parseInt(answer.total, 10); },
      next: function (callback) {
        if (isNaN(next)) return false;
        request(Object.assign({}, query, { start: next, callback: callback || query.callback }));
      },
    };
  }

  function failure(ex, status) {
    return {
      ex: ex,
      status: status,
      getError: function () { return ex; },
      getStatus: function () { return status; },
      toString: function () {
        var text = ex.error_description ? ': ' + ex.error_description : '';
        return ex.error + text + ' (' + status + ')';
      },
    };
  }

  function callMethod(method, params, callback) {
    request({ method: method, data: params, callback: callback });
  }

  // A call is [method, params] or { method, params }; the results have the shape of the calls.
  function callBatch(calls, callback, halt) {
    var cmd = Array.isArray(calls) ? [] : {};
    Object.keys(calls).forEach(function (label) {
      var call = calls[label] || {};
      var method = Array.isArray(call) ? call[0] : call.method;
      var params = Array.isArray(call) ? call[1] : call.params;
      if (method) cmd[label] = method + '?' + form(params);
    });
    if (!Object.keys(cmd).length) return;
    callMethod('batch', { halt: halt ? 1 : 0, cmd: cmd }, callback && function (whole) {
      var batch = whole.data();
      var results = Array.isArray(calls) ? [] : {};
      Object.keys(cmd).forEach(function (label) {
        var answer = {
          result: batch.result[label],
          error: batch.result_error[label],
          total: batch.result_total[label],
          next: batch.result_next[label],
        };
        if (answer.result === undefined && !answer.error) return; // it did not run
        if (answer.result === undefined) answer.result = {};
        var parts = cmd[label].split('?');
        var query = { method: parts[0], data: parts[1], callback: callback };
        results[label] = result(answer, query, whole.status);
      });
      callback(results);
    });
  }

  function callAsAdmin(method, fields, callback) {
    init(function () {
      if (isAdmin()) callMethod(method, fields, callback);
    });
  }

  function callBind(event, handler, authType, callback) {
    var fields = { event: event, handler: handler, auth_type: authType || 0 };
    callAsAdmin('event.bind', fields, callback);
  }

  function callUnbind(event, handler, authType, callback) {
    var fields = { event: event, handler: handler };
    if (authType !== undefined) fields.auth_type = authType;
    callAsAdmin('event.unbind', fields, callback);
  }

  // --- the page and its frame ---------------------------------------------------------------

  function isReady() {
    return document.readyState !== 'loading';
  }

  function ready(callback) {
    if (typeof callback !== 'function') return;
    if (isReady()) defer(callback);
    else document.addEventListener('DOMContentLoaded', function () { defer(callback); });
  }

  function loadScript(scripts, callback) {
    var left = [].concat(scripts).filter(Boolean);
    function next() {
      if (!left.length) return callback && callback();
      var script = document.createElement('script');
      script.src = left.shift();
      script.onload = function () { script.remove(); next(); };
      document.head.append(script);
    }
    if (isReady()) next();
    else ready(next);
  }

  function getScrollSize() {
    var page = document.documentElement;
    return {
      scrollWidth: Math.max(page.scrollWidth, page.offsetWidth),
      scrollHeight: Math.max(page.scrollHeight, page.offsetHeight),
    };
  }

  var proxies = new WeakMap(); // by object, then by function
  var proxyContext = null; // what `this` is for the proxy that runs

  function proxy(run, object) {
    if (!run || !object) return run;
    if (!proxies.has(object)) proxies.set(object, new Map());
    var own = proxies.get(object);
    if (!own.has(run)) {
      own.set(run, function () {
        var outer = proxyContext;
        proxyContext = this;
        var value = run.apply(object, arguments);
        proxyContext = outer;
        return value;
      });
    }
    return own.get(run);
  }

  var BX24 = window.BX24 = {
    init: init,
    install: function () {}, // it runs on a user's first visit, which the sandbox does not have
    installFinish: function () { post('setInstallFinish', {}); },
    ready: ready,
    isReady: isReady,
    isAdmin: isAdmin,
    getLang: function () { return known.LANG; },
    getDomain: function () { return domain; },
    getAuth: getAuth,
    refreshAuth: refreshAuth,
    callMethod: callMethod,
    callBatch: callBatch,
    callBind: callBind,
    callUnbind: callUnbind,
    callUnBind: callUnbind,
    canUse: function () { return true; },
    userOption: {
      get: function (name) { return known.USER_OPTIONS[name]; },
      set: function (name, value) { setOption('USER_OPTIONS', 'setUserOption', name, value); },
    },
    appOption: {
      get: function (name) { return known.APP_OPTIONS[name]; },
      set: function (name, value, callback) {
        if (isAdmin()) setOption('APP_OPTIONS', 'setAppOption', name, value, callback);
      },
    },
    placement: {
      info: function () { return { placement: known.PLACEMENT, options: known.PLACEMENT_OPTIONS }; },
      getInterface: function (callback) { post('getInterface', callback); },
      call: function (command, params, callback) {
        if (!BX24[command]) post(command, params, callback);
      },
      bindEvent: function (event, callback) {
        post('placementBindEvent', { event: event }, callback);
      },
    },
    resizeWindow: function (width, height, callback) {
      var size = { width: parseInt(width, 10), height: parseInt(height, 10) };
      if (size.width > 0 && size.height > 0) post('resizeWindow', size, callback);
    },
    fitWindow: function (callback) {
      post('resizeWindow', { width: '100%', height: getScrollSize().scrollHeight }, callback);
    },
    getScrollSize: getScrollSize,
    scrollParentWindow: function (scroll, callback) {
      scroll = parseInt(scroll, 10);
      if (!isNaN(scroll)) post('setScroll', { scroll: scroll }, callback);
    },
    reloadWindow: function (callback) { post('reloadWindow', {}, callback); },
    setTitle: function (title, callback) { post('setTitle', { title: String(title) }, callback); },
    loadScript: loadScript,
    proxy: proxy,
    proxyContext: function () { return proxyContext; },
    bind: function (target, event, handler) {
      if (target) target.addEventListener(event, handler);
    },
    unbind: function (target, event, handler) {
      if (target) target.removeEventListener(event, handler);
    },
    im: {},
  };

  // The sandbox does not support these commands; the message log says so.
  [
    'openPath', 'openApplication', 'closeApplication',
    'selectUser', 'selectUsers', 'selectAccess', 'selectCRM',
  ].forEach(function (command) {
    BX24[command] = function () { post(command); };
  });
  ['CallTo', 'PhoneTo', 'OpenMessenger', 'OpenHistory'].forEach(function (command) {
    var name = command[0].toLowerCase() + command.slice(1);
    BX24.im[name] = function () { post('im' + command); };
  });
})();
