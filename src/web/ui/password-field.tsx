// A password with its label.
export interface PasswordFieldProps {
  label: string;
  /** Whether it is one that is there already, for who fills it in. */
  isNew?: boolean;
  value: string;
  onValue: (value: string) => void;
}

export function PasswordField({ label, isNew = false, value, onValue }: PasswordFieldProps) {
  return (
    <label>
      {label}
      <input
        type="password"
        autocomplete={isNew ? 'new-password' : 'current-password'}
        required
        value={value}
        onInput={(event) => onValue(event.currentTarget.value)}
      />
    </label>
  );
}
