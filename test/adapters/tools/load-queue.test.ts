import { describe, expect, it } from "vitest";
import { LoadQueue } from "../../../src/adapters/tools/load-queue.js";

function stage() {
  const queue = new LoadQueue();
  const begun: string[] = [];
  const replaced: string[] = [];
  const ends = new Map<string, () => void>();
  const modules = new Map<string, object>();
  const add = (name: string, of = name, version = 1): void => {
    const key = `${of} ${version}`;
    const module = modules.get(key) ?? {};
    modules.set(key, module);
    queue.add({
      module,
      version,
      load: (done) => {
        begun.push(name);
        ends.set(name, done);
      },
      replaced: () => void replaced.push(name),
    });
  };
  return { add, begun, replaced, end: (name: string) => ends.get(name)!() };
}

describe("modules that are loaded", () => {
  it("are loaded two at a time, in order, however slow one is", () => {
    const { add, begun, end } = stage();
    for (const name of ["a", "b", "c", "d", "e"]) add(name);
    expect(begun).toEqual(["a", "b"]);
    end("b");
    expect(begun).toEqual(["a", "b", "c"]);
    // The end of a load that is told twice makes room once.
    end("b");
    expect(begun).toEqual(["a", "b", "c"]);
    end("c");
    end("a");
    expect(begun).toEqual(["a", "b", "c", "d", "e"]);
  });

  it("may be over at once", () => {
    const queue = new LoadQueue();
    let begun = 0;
    for (let n = 0; n < 1_000; n++)
      queue.add({
        module: {},
        version: 1,
        load: (done) => {
          begun++;
          done();
        },
        replaced: () => undefined,
      });
    expect(begun).toBe(1_000);
  });

  it("are not loaded a second time for what waits for the same one", () => {
    const { add, begun, end } = stage();
    add("keep a", "a");
    add("keep b", "b");
    add("keep c", "c");
    add("describe a", "a");
    add("describe c", "c");
    expect(begun).toEqual(["keep a", "keep b", "describe a"]);
    end("keep a");
    expect(begun.slice(3)).toEqual(["keep c", "describe c"]);
    end("describe a");
    add("d");
    expect(begun.slice(5)).toEqual([]);
    end("describe c");
    expect(begun.slice(5)).toEqual(["d"]);
  });

  it("do not wait for those of an earlier version, whether these have begun or not", () => {
    const { add, begun, replaced, end } = stage();
    for (const name of ["a", "b", "c", "d"]) add(name);
    for (const name of ["a2", "b2", "c2"]) add(name, name, 2);
    expect(begun).toEqual(["a", "b", "a2", "b2"]);
    expect(replaced).toEqual(["c", "d"]);
    // The end of an earlier one makes no room.
    end("a");
    expect(begun.slice(4)).toEqual([]);
    add("e", "e", 1);
    expect(replaced).toEqual(["c", "d", "e"]);
    end("a2");
    expect(begun.slice(4)).toEqual(["c2"]);
  });
});
