import { createContext, type ReactNode, useCallback, useContext, useState } from "react";

const Context = createContext<(text: string) => void>(() => {});

/** Says to a screen reader what others see. */
export const useAnnounce = () => useContext(Context);

export function Announcer({ children }: { children: ReactNode }) {
  const [said, setSaid] = useState({ text: "", times: 0 });
  const announce = useCallback((text: string) => setSaid(({ times }) => ({ text, times: times + 1 })), []);
  return (
    <Context value={announce}>
      {children}
      <div className="unseen" aria-live="assertive">
        {/* The same words said again are said again. */}
        <p key={said.times}>{said.text}</p>
      </div>
    </Context>
  );
}
