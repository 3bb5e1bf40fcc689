/** Why a file cannot be read, in words. */
export function readProblem(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const words = "code" in error ? WORDS[String(error.code)] : undefined;
  return words ?? error.message;
}

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "this user may not read it",
  EISDIR: "it is a folder",
  ENOENT: "there is no such file",
  ENOTDIR: "there is no such file",
};
