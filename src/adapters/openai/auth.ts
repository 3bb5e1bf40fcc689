/** Hosts of Azure's OpenAI v1 API. Source: Microsoft, "Azure OpenAI in Foundry Models, API v1". */
const AZURE = /\.(?:openai|cognitiveservices|services\.ai)\.azure\.com$/i;

/**
 * The header that carries the key. OpenAI takes it as a bearer token. Azure takes a bearer token of
 * Entra ID there, and its own keys as `api-key`.
 *
 * @param host  of the URL that is requested.
 */
export function authHeaders(host: string, apiKey: string): Readonly<Record<string, string>> {
  return AZURE.test(host) ? { "api-key": apiKey } : { Authorization: `Bearer ${apiKey}` };
}
