// A page that React renders on a server and hydrates. The team loads late, as data does.

import { Suspense, useState } from "react";

export function Page({ team, script, isWholeDocument, late }) {
  const app = (
    <main id="app">
      <Counter />
      <Suspense fallback={<p>Loading…</p>}>
        <Team team={team} late={late} />
      </Suspense>
    </main>
  );
  if (!isWholeDocument) return app;
  return (
    <html lang="en">
      <head>
        <meta charSet="utf-8" />
        <title>A page</title>
        <link rel="icon" href="data:," />
        <script src={script} async data-interval="15" />
      </head>
      <body>{app}</body>
    </html>
  );
}

function Counter() {
  const [count, setCount] = useState(0);
  return <button onClick={() => setCount(count + 1)}>Clicked {count}</button>;
}

function Team({ team, late }) {
  late.read();
  const [people, setPeople] = useState(team);
  return (
    <>
      <button onClick={() => setPeople(people.toReversed())}>Reverse</button>
      <ul>
        {people.map(({ user, name }) => (
          <li key={user}>
            <zulip-presence user={user} name={name}>
              {name}
            </zulip-presence>
          </li>
        ))}
      </ul>
    </>
  );
}
