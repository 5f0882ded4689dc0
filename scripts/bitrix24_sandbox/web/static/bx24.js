/* BX24: what an application in a portal's frame uses to talk to the portal around it.
 *
 * A small library with the names that every Bitrix24 widget knows. One script tag is enough:
 *   BX24.placement.call('getStatus', {}, function (result) { console.log(result); });
 */
(function () {
  'use strict';

  // The portal names the frame "host[:port]|0 or 1|SID"; the protocol's 1 means https.
  var name = /^([^|]+)\|([01])\|([0-9a-f]+)$/i.exec(window.name);
  var portal = name && (name[2] === '1' ? 'https' : 'http') + '://' + name[1];
  var sid = name && name[3];

  var callbacks = new Map();
  var auth = null;
  var placement = { placement: null, options: {} };
  var initialised = null;
  var counter = 0;

  if (!name) {
    console.error('BX24: this page was not opened by a portal, so there is nobody to ask.');
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

  // --- authorization -----------------------------------------------------------------------

  function remember(data) {
    auth = Object.assign({}, auth, {
      access_token: data.AUTH_ID,
      refresh_token: data.REFRESH_ID,
      expires_in: data.AUTH_EXPIRES,
    });
  }

  function initialise() {
    initialised = initialised || ask('getInitData').then(function (data) {
      remember(data);
      auth.domain = data.DOMAIN;
      auth.member_id = data.MEMBER_ID;
      placement = { placement: data.PLACEMENT, options: data.PLACEMENT_OPTIONS };
    });
    return initialised;
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

  function result(answer) {
    return {
      answer: answer,
      data: function () { return answer.result; },
      error: function () { return answer.error || false; },
      error_description: function () { return answer.error_description || ''; },
    };
  }

  function callMethod(method, params, callback) {
    initialise()
      .then(function () { return request(method, params); })
      .then(function (answer) {
        if (answer.error !== 'expired_token') return answer;
        // Once: a token that has just been refreshed and is refused again will not get better.
        return ask('refreshAuth').then(function (data) {
          remember(data);
          return request(method, params);
        });
      })
      .catch(function (error) {
        return { error: 'ERROR_NETWORK', error_description: String(error) };
      })
      .then(function (answer) { if (callback) callback(result(answer)); });
  }

  // --- the size of the frame ---------------------------------------------------------------

  function resizeWindow(width, height, callback) {
    post('resizeWindow', { width: width, height: height }, callback);
  }

  function fitWindow(callback) {
    var page = document.documentElement;
    // The content's own height: the page's is never less than that of the frame.
    var height = Math.ceil(document.body.getBoundingClientRect().height);
    resizeWindow(page.scrollWidth, height, callback);
  }

  function ready(callback) {
    if (document.readyState === 'loading') {
      document.addEventListener('DOMContentLoaded', function () { callback(); });
    } else {
      setTimeout(callback, 0);
    }
  }

  window.BX24 = {
    init: function (callback) { initialise().then(function () { if (callback) ready(callback); }); },
    ready: ready,
    getAuth: function () { return auth || false; },
    callMethod: callMethod,
    resizeWindow: resizeWindow,
    fitWindow: fitWindow,
    placement: {
      info: function () { return placement; },
      getInterface: function (callback) { post('getInterface', null, callback); },
      call: function (command, params, callback) { post(command, params || {}, callback); },
      bindEvent: function (event, callback) {
        post('placementBindEvent', { event: event }, callback, true);
      },
    },
  };
})();
