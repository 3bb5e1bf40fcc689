/** The addresses of the Media Streams upgrade: what Twilio signs, and where it arrives. */

export const MEDIA_PATH = "/media-stream";

/** Twilio signs the URL with or without a final slash, whatever `<Stream url>` says. */
export function signedMediaUrls(mediaUrl: string): readonly string[] {
  return [mediaUrl, `${mediaUrl}/`];
}

/**
 * The paths of the upgrade: the fixed one, and that of MEDIA_URL, which a balancer may pass on
 * unchanged.
 *
 * @param prefix  PUBLIC_URL's own path, which a proxy may keep; "" when it has none.
 */
export function mediaPathsOf(mediaUrl: string, prefix: string): ReadonlySet<string> {
  const own = new URL(mediaUrl).pathname.replace(/\/+$/, "");
  const paths = [MEDIA_PATH, `${prefix}${MEDIA_PATH}`, own].filter((path) => path !== "");
  return new Set(paths.flatMap((path) => [path, `${path}/`]));
}
