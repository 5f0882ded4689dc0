// Calls a portal with b24jssdk's OAuth client, unmodified, and prints each CALL_ID.

const [sdk, origin, serverEndpoint] = process.argv.slice(2);
const { B24OAuth } = await import(sdk);
const b24 = new B24OAuth(
  {
    domain: new URL(origin).host,
    clientEndpoint: `${origin}/rest/`,
    serverEndpoint,
    accessToken: "sandboxaccesstoken",
    refreshToken: "sandboxrefreshtoken",
    expires: Date.now() / 1000 + 3600,
    expiresIn: 3600,
  },
  { clientId: "sandboxclientid", clientSecret: "sandboxclientsecret" },
);
const getStatus = { method: "placement.call", params: { PLACEMENT: "getStatus", PARAMS: {} } };
for (const requestId of ["first", "second"]) {
  const response = await b24.actions.v2.call.make({ ...getStatus, requestId });
  console.log(response.getData().result.CALL_ID);
}
process.exit(); // its timers would keep it running
